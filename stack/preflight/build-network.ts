import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Problem } from "../config/problem";
import type { Settings } from "../config/schema";
import { ROOT } from "../root";

/** Problems with the file of certificate authorities that builds trust. */
export function buildNetworkProblems({ build: { caBundle } }: Settings): Problem[] {
  if (!caBundle) return [];
  const problem = (remedy: string): Problem[] => [{ key: "build.caBundle", value: caBundle, remedy }];
  try {
    const text = readFileSync(resolve(ROOT, caBundle), "utf8");
    if (text.includes("-----BEGIN CERTIFICATE-----")) return [];
    return problem("the file contains no certificate in PEM format: use a file with lines BEGIN CERTIFICATE");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return problem(`the file cannot be read (${code}): set its path, absolute or relative to this project`);
  }
}
