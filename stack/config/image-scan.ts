import type { Problem } from "./problem";

/**
 * Severities of findings, from the lowest to the highest. Source: FindingSeverity,
 * https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageScanFinding.html
 */
export const SEVERITIES = ["INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** A finding that does not fail an update. */
export interface AcceptedFinding {
  /** Such as `CVE-2026-1234`. */
  id: string;
  reason: string;
  /** The last day on which it is accepted, in UTC, as `YYYY-MM-DD`. */
  expires: string;
}

export interface ImageScanSettings {
  /** Highest severity that an image may have. `off`: findings are not read. */
  maxSeverity: Severity | "off";
  acceptedFindings: AcceptedFinding[];
}

/** Problems that the schema cannot express: dates that do not exist, and findings that are listed twice. */
export function imageScanProblems({ acceptedFindings }: ImageScanSettings): Problem[] {
  const ids = acceptedFindings.map(({ id }) => id);
  return acceptedFindings.flatMap(({ id, expires }, index): Problem[] => {
    const key = `imageScan.acceptedFindings.${index}`;
    const problems: Problem[] = [];
    if (ids.indexOf(id) < index) {
      problems.push({ key: `${key}.id`, value: id, remedy: "the finding is listed twice: remove one entry" });
    }
    if (!isDate(expires)) {
      const remedy = "there is no such day: use a date as in 2026-12-31";
      problems.push({ key: `${key}.expires`, value: expires, remedy });
    }
    return problems;
  });
}

/** Whether a text with the form of a date is one. `Date` changes 2026-02-30 to 2026-03-02. */
function isDate(text: string): boolean {
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}
