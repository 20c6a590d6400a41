import { existsSync } from "node:fs";
import { expect, it } from "vitest";
import { dockerClient } from "../../stack/clients/docker";
import { canRun } from "../../stack/preflight/emulation";
import { docker } from "../harness/engine";

const NATIVE = docker("version", "-f", "{{.Server.Arch}}");

it.each([
  ["amd64", "qemu-x86_64"],
  ["arm64", "qemu-aarch64"],
] as const)("finds whether the engine can run programs for %s, and leaves nothing", async (architecture, emulator) => {
  const emulates =
    docker("info", "-f", "{{.OperatingSystem}}") === "Docker Desktop" ||
    existsSync(`/proc/sys/fs/binfmt_misc/${emulator}`);
  expect(await canRun(dockerClient(), "test", architecture)).toBe(architecture === NATIVE || emulates);
  expect(docker("ps", "-aq", "--filter", "label=spatialforge.service=emulation-check")).toBe("");
  expect(docker("images", "-q", "spatialforge-emulation-check")).toBe("");
});
