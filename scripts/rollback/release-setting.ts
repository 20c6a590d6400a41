import { readFileSync, writeFileSync } from "node:fs";
import { isScalar, parseDocument } from "yaml";
import { stackFile } from "../stack-file";

const PATH = ["config", "spatialforge:release"];

/** The setting `release` in the settings file of a stack, before a rollback changed it. */
export interface ReleaseSetting {
  /** The value before. Undefined if the file did not have the setting. */
  before?: string;
  /** Writes the file as it was. */
  restore: () => void;
}

/** Writes the setting `release` to the settings file of a stack. Everything else in the file stays as it is. */
export function writeReleaseSetting(stack: string, release: string): ReleaseSetting {
  const file = stackFile(stack);
  const text = readFileSync(file, "utf8");
  const document = parseDocument(text);
  const before = document.getIn(PATH) as string | undefined;
  const node = document.getIn(PATH, true);
  if (isScalar(node)) node.value = release;
  else document.setIn(PATH, release);
  writeFileSync(file, document.toString({ lineWidth: 0 }));
  return { ...(before && { before }), restore: () => writeFileSync(file, text) };
}
