import * as pulumi from "@pulumi/pulumi";
import type { ImageScanSettings } from "../../../config/image-scan";
import type { ImageDigests } from "../../../images/catalog";
import { checkImages } from "./check-images";

export interface ImageScanArgs extends ImageScanSettings {
  /** Name of the repository in ECR. */
  repository: string;
  images: pulumi.Output<ImageDigests>;
}

/** Seconds to wait for the scan of an image that was just pushed. ECR documents no duration. */
export const SCAN_TIMEOUT_S = 600;

/**
 * Reads the findings of ECR's image scans, and fails the update if a new image has one above the maximum severity that is not accepted. A
 * preview reads nothing.
 */
export class ImageScan extends pulumi.ComponentResource {
  /** Resolves after the findings are read. In a preview it resolves immediately. Rejects with a RunError that lists the findings. */
  readonly completed: pulumi.Output<unknown>;
  /** The images, which resolve after the findings are read. */
  readonly images: pulumi.Output<ImageDigests>;

  constructor(name: string, args: ImageScanArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:ImageScan", name, {}, opts);
    const warn = (text: string) => pulumi.log.warn(text, this);
    if (args.maxSeverity === "off" || pulumi.runtime.isDryRun()) {
      this.completed = pulumi.output(undefined);
      this.images = args.images;
    } else {
      this.images = args.images.apply((images) =>
        checkImages({ ...args, images, warn, timeout: SCAN_TIMEOUT_S }).then(() => images),
      );
      this.completed = this.images;
    }
    this.registerOutputs();
  }
}
