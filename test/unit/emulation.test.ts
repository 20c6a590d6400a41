import * as pulumi from "@pulumi/pulumi";
import { expect, it, onTestFinished, vi } from "vitest";
import { dockerClient } from "../../stack/clients/docker";
import { emulationProblems } from "../../stack/preflight/emulation";
import { fakeEngine } from "../harness/fake-engine";

/** Checks an engine on which the program of the check ends with an exit code. */
async function check(platform: string, exitCode: number, answers = {}) {
  await fakeEngine({
    "/images/create": {},
    "/containers/create": { Id: "c1" },
    "/containers/c1": {},
    "/containers/c1/start": {},
    "/containers/c1/wait": { StatusCode: exitCode },
    ...answers,
  });
  const warnings: string[] = [];
  vi.spyOn(pulumi.log, "warn").mockImplementation(async (text) => void warnings.push(text));
  onTestFinished(() => void vi.restoreAllMocks());
  const problems = await emulationProblems(dockerClient(), "dev", { platform, nvidiaRuntime: false });
  return { warnings, problems };
}

it("an engine for the architecture of the hosts is not checked", async () => {
  expect(await check("linux/amd64", 1)).toEqual({ warnings: [], problems: [] });
});

it("an engine that emulates the architecture gives a warning that says how to build elsewhere", async () => {
  const { warnings, problems } = await check("linux/arm64", 0);
  expect(problems).toEqual([]);
  expect(warnings).toEqual([
    expect.stringMatching(/linux\/amd64.*linux\/arm64: it emulates amd64.*GitHub Actions.*DOCKER_HOST/),
  ]);
});

it("an engine without emulation is refused, and the message says how to build elsewhere and how to install it", async () => {
  const { warnings, problems } = await check("linux/arm64", 255);
  expect(warnings).toEqual([]);
  expect(problems).toEqual([
    {
      key: "platform",
      value: "aws",
      remedy: expect.stringMatching(/linux\/arm64, without emulation: .*GitHub Actions.*binfmt --install amd64/),
    },
  ]);
});

it("an engine that starts no container is refused", async () => {
  const { problems } = await check("linux/arm64", 0, { "/containers/create": undefined });
  expect(problems).toEqual([expect.objectContaining({ remedy: expect.stringMatching(/cannot be checked \(.*404/) })]);
});
