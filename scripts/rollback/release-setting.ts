import { readFileSync, writeFileSync } from "node:fs";
import { isScalar, parseDocument } from "yaml";
import { UserError } from "../operate/command";
import { stackFile } from "../stack-file";

const KEY = "spatialforge:release";

/** The setting `release` in the settings file of a stack, before a rollback changed it. */
export interface ReleaseSetting {
  /** The value before. Undefined if the file did not have the setting. */
  before?: string;
  /** Writes the file as it was. */
  restore: () => void;
}

/**
 * Writes the setting `release` to the settings file of a stack. Everything else in the file stays as it is.
 * @throws UserError if the file has no list of settings
 */
export function writeReleaseSetting(stack: string, release: string): ReleaseSetting {
  const file = stackFile(stack);
  const text = readFileSync(file, "utf8");
  const node = parseDocument(text).getIn(["config", KEY], true);
  const before = isScalar(node) && typeof node.value === "string" ? node.value : "";
  writeFileSync(file, isScalar(node) && node.range ? replaced(text, node.range, release) : added(stack, text, release));
  return { ...(before && { before }), restore: () => writeFileSync(file, text) };
}

const replaced = (text: string, [start, end]: readonly number[], release: string): string =>
  text.slice(0, start) + release + text.slice(end);

/** Adds the setting as the first one. */
function added(stack: string, text: string, release: string): string {
  const first = /^config:[^\S\n]*(#.*)?\n(?<indentation> +)/m.exec(text);
  if (!first?.groups) {
    throw new UserError(
      `Pulumi.${stack}.yaml has no settings below \`config:\`: add \`${KEY}: ${release}\`, and run \`pulumi up\`.`,
    );
  }
  const line = text.indexOf("\n", first.index) + 1;
  return `${text.slice(0, line)}${first.groups.indentation}${KEY}: ${release}\n${text.slice(line)}`;
}
