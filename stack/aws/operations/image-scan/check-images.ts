import type { ImageScanSettings } from "../../../config/image-scan";
import type { ImageDigests } from "../../../images/catalog";
import { userError } from "../../../pulumi/user-error";
import { ecrImages } from "../../../registry/ecr-images";
import { imageDigest } from "../../../registry/release";
import { releaseOfTag } from "../../../registry/tags";
import { judge } from "./judge";
import { scanResult } from "./scan-result";

export interface CheckImagesArgs extends ImageScanSettings {
  /** Name of the repository in ECR. */
  repository: string;
  images: ImageDigests;
  /** Receives what does not fail the update. */
  warn: (text: string) => Promise<void>;
  /** Seconds to wait for the scan of an image that is in no release. */
  timeout: number;
}

/** Maximum number of lines in an error or a warning. An image can have hundreds of findings. */
const MAXIMUM_LINES = 20;

/**
 * Compares ECR's scan findings of images with the settings.
 * @throws RunError with the findings above the maximum severity that are not accepted, and with the scans that have no result
 */
export async function checkImages({ repository, images, warn, timeout, ...settings }: CheckImagesArgs): Promise<void> {
  const stored = await ecrImages();
  const scanned = Object.entries(images).map(async ([name, image]) => {
    const digest = imageDigest(image);
    const released = stored.some((one) => one.digest === digest && one.tags.some(releaseOfTag));
    return { name, released, result: await scanResult({ repository, digest, timeout: released ? 0 : timeout }) };
  });
  const today = new Date().toISOString().slice(0, 10);
  const { failures, warnings } = judge(await Promise.all(scanned), settings, today);
  if (warnings.length) await warn(["image scan:", ...cut(warnings)].join("\n"));
  if (!failures.length) return;
  throw userError(
    [
      `an image has findings above the severity ${settings.maxSeverity}, or no scan result:`,
      ...cut(failures),
      "No service was updated. Update the base images with `npm run lock -- --bases`, or add a finding to spatialforge:aws.imageScan.acceptedFindings. To deploy without this check, set spatialforge:aws.imageScan.maxSeverity to off.",
    ].join("\n"),
  );
}

const cut = (lines: readonly string[]): string[] => [
  ...lines.slice(0, MAXIMUM_LINES),
  ...(lines.length > MAXIMUM_LINES ? [`and ${lines.length - MAXIMUM_LINES} more`] : []),
];
