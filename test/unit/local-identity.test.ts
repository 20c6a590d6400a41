import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { containerFilter, labelsOf } from "../../stack/clients/docker";

let parent: string;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "spatialforge-folder-"));
});
afterEach(() => {
  rmSync(parent, { recursive: true });
  vi.unstubAllEnvs();
  vi.doUnmock("../../stack/root");
});

/** Starts a command in a clone. Returns the ID and the folder in the labels of its service. */
async function startIn(clone: string): Promise<{ id: string; folder: string }> {
  vi.resetModules();
  vi.doMock("../../stack/root", () => ({ ROOT: clone }));
  for (const name of ["SPATIALFORGE_ID", "SPATIALFORGE_FOLDER"]) vi.stubEnv(name, undefined);
  const { identifyService } = await import("../../scripts/local/identity.js");
  identifyService();
  return { id: process.env.SPATIALFORGE_ID!, folder: process.env.SPATIALFORGE_FOLDER! };
}

it("the labels of a service contain its ID and the folder in which it was created", async () => {
  const clone = join(parent, "a");
  mkdirSync(clone);
  const { id, folder } = await startIn(clone);
  expect(id).toMatch(/^[0-9a-f]{16}$/);
  expect(folder).toBe(clone);
  expect(containerFilter("local").label).toContain(`spatialforge.id=${id}`);
  expect(labelsOf("local", "api")).toMatchObject({ "spatialforge.id": id, "spatialforge.folder": clone });
});

it("the service of a clone that was moved is still found, but not by another clone in its old folder", async () => {
  const [before, after] = [join(parent, "a"), join(parent, "b")];
  mkdirSync(before);
  const service = await startIn(before);
  renameSync(before, after);
  expect(await startIn(after)).toEqual(service);
  mkdirSync(before);
  expect((await startIn(before)).id).not.toBe(service.id);
  expect(await startIn(after)).toEqual(service);
});

it("a copy of a clone must not use the service of the original", async () => {
  const [original, copy] = [join(parent, "a"), join(parent, "b")];
  mkdirSync(original);
  const service = await startIn(original);
  cpSync(original, copy, { recursive: true });
  await expect(startIn(copy)).rejects.toThrow(`This folder is a copy of ${original}`);
  await expect(startIn(copy)).rejects.toThrow("Delete .state/ in this folder");
  rmSync(join(copy, ".state"), { recursive: true });
  expect((await startIn(copy)).folder).toBe(copy);
  expect(await startIn(original)).toEqual(service);
});
