import type { DescribeImageScanFindingsResponse } from "@aws-sdk/client-ecr";
import { ecrClient } from "../../../clients/aws";
import { sleep } from "../rollout/service-client";

/** A vulnerability in an image. */
export interface Finding {
  /** Such as `CVE-2026-1234`. */
  id: string;
  /** As ECR returns it, such as `HIGH`. `UNDEFINED` and `UNTRIAGED`: it has no rating yet. */
  severity: string;
  /** Packages that have it, such as `openssl 3.0.2`. Empty if ECR does not say. */
  packages: string[];
}

/** The findings of an image, or why there are none. */
export type ScanResult = { findings: Finding[] } | { failure: string };

export interface ScanResultArgs {
  /** Name of the repository in ECR. */
  repository: string;
  /** Digest of the image. */
  digest: string;
  /** Seconds to wait for a scan that is not complete. 0: the result is read once. */
  timeout: number;
}

const POLL_INTERVAL_MS = 5000;

/** Statuses of a scan that has findings: of a basic scan, and of Amazon Inspector, which goes on scanning. */
const COMPLETE = new Set(["COMPLETE", "ACTIVE"]);

/** Statuses of a scan that is not complete yet. A scan that was just started may not exist yet. */
const WAITING = new Set(["IN_PROGRESS", "PENDING", "NOT_FOUND"]);

/**
 * What to do about a scan without findings, by its status. Source: ScanStatus,
 * https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageScanStatus.html
 */
const REMEDIES: Readonly<Record<string, string>> = {
  UNSUPPORTED_IMAGE: "ECR cannot scan the operating system of the base image: use another base, or enhanced scanning",
  SCAN_ELIGIBILITY_EXPIRED: "Amazon Inspector no longer scans the image: extend the duration of its scans",
  IMAGE_ARCHIVED: "restore the image",
};

/** Reads the findings of an image. Waits for its scan. A scan without a result is a failure, so that no image passes without one. */
export async function scanResult(args: ScanResultArgs): Promise<ScanResult> {
  const deadline = Date.now() + args.timeout * 1000;
  for (;;) {
    const { status, description, findings } = await read(args);
    if (COMPLETE.has(status)) return { findings };
    if (!WAITING.has(status)) return { failure: failure(args, status, description) };
    if (Date.now() >= deadline) {
      const late = `no result within ${args.timeout} s`;
      return { failure: failure(args, status, [late, description].filter(Boolean).join(": ")) };
    }
    await sleep(POLL_INTERVAL_MS);
  }
}

function failure({ repository, digest }: ScanResultArgs, status: string, description = ""): string {
  const restart = `start a scan with \`aws ecr start-image-scan --repository-name ${repository} --image-id imageDigest=${digest}\`, which ECR allows once in 24 hours for an image`;
  return `the scan has no result: ${status}${description && ` (${description})`}: ${REMEDIES[status] ?? restart}`;
}

/** Errors of ECR about an image that it does not know yet, or that it does not scan yet. */
const NOT_FOUND = new Set(["ImageNotFoundException", "ScanNotFoundException"]);

/** A page of the findings. Its status can also be `NOT_FOUND`. */
type Page = Pick<DescribeImageScanFindingsResponse, "imageScanFindings" | "nextToken"> & {
  imageScanStatus?: { status?: string; description?: string };
};

/** All pages of the findings, with the status of the scan. `NOT_FOUND`: there is no scan. */
async function read({ repository, digest }: ScanResultArgs) {
  const { client, DescribeImageScanFindingsCommand } = await ecrClient();
  const findings: Finding[] = [];
  let nextToken: string | undefined;
  for (;;) {
    const request = { repositoryName: repository, imageId: { imageDigest: digest }, nextToken };
    const page: Page = await client.send(new DescribeImageScanFindingsCommand(request)).catch((error: Error): Page => {
      if (!NOT_FOUND.has(error.name)) throw error;
      return { imageScanStatus: { status: "NOT_FOUND", description: error.message } };
    });
    findings.push(...findingsOf(page));
    nextToken = page.nextToken;
    const { status = "UNKNOWN", description } = page.imageScanStatus ?? {};
    if (!nextToken) return { status, description, findings };
  }
}

/** The findings of a basic scan, and those of Amazon Inspector. */
function findingsOf({ imageScanFindings = {} }: Page): Finding[] {
  const basic = (imageScanFindings.findings ?? []).map(({ name = "", severity = "", attributes = [] }) => {
    const attribute = (wanted: string) => attributes.find(({ key }) => key === wanted)?.value ?? "";
    const text = `${attribute("package_name")} ${attribute("package_version")}`.trim();
    return { id: name, severity, packages: text ? [text] : [] };
  });
  const enhanced = (imageScanFindings.enhancedFindings ?? []).map(({ title = "", severity = "", ...finding }) => {
    const { vulnerabilityId = title, vulnerablePackages = [] } = finding.packageVulnerabilityDetails ?? {};
    const packages = vulnerablePackages.map(({ name = "", version = "" }) => `${name} ${version}`.trim());
    return { id: vulnerabilityId, severity, packages };
  });
  return [...basic, ...enhanced];
}
