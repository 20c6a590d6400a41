import { SEVERITIES, type ImageScanSettings, type Severity } from "../../../config/image-scan";
import type { Finding, ScanResult } from "./scan-result";

/** An image with the result of its scan. */
export interface ScannedImage {
  /** Such as `api`. */
  name: string;
  result: ScanResult;
  /** Whether it is in a release of the stack. The stack runs this image now, or has run it. */
  released: boolean;
}

/** What a person has to know. An update with failures must not go on. */
export interface Judgment {
  failures: string[];
  warnings: string[];
}

/** Severities of findings that have no rating yet. Many findings of new vulnerabilities have none, so they pass. */
const UNRATED = new Set(["UNDEFINED", "UNTRIAGED"]);

/**
 * Compares the findings of images with the settings. An image that is already in a release only causes warnings: it runs now, or ran
 * before, and a rollback to it must not fail because of a vulnerability that became known later.
 *
 * @param today - in UTC, as `YYYY-MM-DD`
 */
export function judge(
  images: readonly ScannedImage[],
  { maxSeverity, acceptedFindings }: ImageScanSettings,
  today: string,
): Judgment {
  const judgment: Judgment = { failures: [], warnings: [] };
  const accepted = new Map(acceptedFindings.map((finding) => [finding.id, finding]));
  const found = new Set<string>();
  for (const { name, result, released } of images) {
    const lines = released ? judgment.warnings : judgment.failures;
    if ("failure" in result) {
      lines.push(`${name}: ${result.failure}`);
      continue;
    }
    for (const finding of unique(result.findings)) {
      found.add(finding.id);
      if (maxSeverity === "off" || !isAbove(finding.severity, maxSeverity)) continue;
      const entry = accepted.get(finding.id);
      if (entry && today <= entry.expires) continue;
      const expired = entry ? `; it was accepted until ${entry.expires} (${entry.reason})` : "";
      lines.push(`${name}: ${finding.id} is ${finding.severity}${inPackages(finding)}${expired}`);
    }
  }
  if (images.every(({ result }) => "findings" in result)) {
    const unused = [...accepted.keys()].filter((id) => !found.has(id));
    judgment.warnings.push(
      ...unused.map((id) => `no image has the finding ${id}: remove it from aws.imageScan.acceptedFindings`),
    );
  }
  return judgment;
}

const isAbove = (severity: string, maximum: Severity): boolean => rankOf(severity) > SEVERITIES.indexOf(maximum);

/** One finding for each ID, with all packages that have it and its highest severity. */
function unique(findings: readonly Finding[]): Finding[] {
  const merged = new Map<string, Finding>();
  for (const finding of findings) {
    const known = merged.get(finding.id);
    const packages = [...new Set([...(known?.packages ?? []), ...finding.packages])];
    const severity = known && rankOf(known.severity) > rankOf(finding.severity) ? known.severity : finding.severity;
    merged.set(finding.id, { id: finding.id, severity, packages });
  }
  return [...merged.values()].sort((a, b) => rankOf(b.severity) - rankOf(a.severity) || a.id.localeCompare(b.id));
}

/** Position of a severity. One without a rating is the lowest, and one that this program does not know the highest. */
function rankOf(severity: string): number {
  if (UNRATED.has(severity)) return -1;
  const rank = SEVERITIES.indexOf(severity as Severity);
  return rank < 0 ? SEVERITIES.length : rank;
}

const inPackages = ({ packages }: Finding): string => (packages.length ? ` in ${packages.join(", ")}` : "");
