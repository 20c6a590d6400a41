import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { containerFilter } from "../../stack/clients/docker";

let parent: string;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "spatialforge-folder-"));
});
afterEach(() => {
  rmSync(parent, { recursive: true });
  vi.unstubAllEnvs();
  vi.doUnmock("../../stack/root");
});

/** Starts a command in a clone. Returns the folder in the labels of its service. */
async function startIn(clone: string): Promise<string> {
  vi.resetModules();
  vi.doMock("../../stack/root", () => ({ ROOT: clone }));
  vi.stubEnv("SPATIALFORGE_FOLDER", undefined);
  const { identifyFolder } = await import("../../scripts/local/folder.js");
  identifyFolder();
  return process.env.SPATIALFORGE_FOLDER!;
}

it("the labels of a service contain the folder of its clone", async () => {
  const clone = join(parent, "a");
  mkdirSync(clone);
  expect(await startIn(clone)).toBe(clone);
  expect(containerFilter("local").label).toContain(`spatialforge.folder=${clone}`);
});

it("the service of a clone that was moved is still found", async () => {
  const [before, after] = [join(parent, "a"), join(parent, "b")];
  mkdirSync(before);
  await startIn(before);
  renameSync(before, after);
  expect(await startIn(after)).toBe(before);
  expect(await startIn(after)).toBe(before);
});

it("a copy of a clone must not use the service of the original", async () => {
  const [original, copy] = [join(parent, "a"), join(parent, "b")];
  mkdirSync(original);
  await startIn(original);
  cpSync(original, copy, { recursive: true });
  await expect(startIn(copy)).rejects.toThrow(`This folder is a copy of ${original}`);
  await expect(startIn(copy)).rejects.toThrow("Delete .state/ in this folder");
  rmSync(join(copy, ".state"), { recursive: true });
  expect(await startIn(copy)).toBe(copy);
  expect(readFileSync(join(original, ".state", "folder"), "utf8")).toBe(original);
});
