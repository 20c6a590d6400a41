import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AwsStack } from "../harness/aws-stack";
import { Ecr } from "../harness/ecr";

const stack = new AwsStack("dev", new Ecr(process.env.LAB_ECR ?? ""), {});

beforeAll(() => stack.start());
afterAll(() => stack.stop());

it("quotas that are too low and too few zones are listed before anything is created", async () => {
  await stack.must("stack init");
  const { code, text } = await stack.emulator.withFault("quotas", { "L-3819A6DF": 0, "L-0263D0A3": 0 }, () =>
    stack.emulator.withFault("zones", ["us-east-1a", "us-east-1e"], () => stack.run("up --yes --skip-preview")),
  );
  expect(code).not.toBe(0);
  expect(text).toContain("stack dev: 3 problems, nothing was changed");
  expect(text).toMatch(/aws\.network\.availabilityZones = 2\s+too few zones .* \(us-east-1a\)/);
  expect(text).toMatch(
    /aws\.gpu\.maxInstances = 2\s+the stack needs 4 vCPUs for 1 spot instance of .* \(L-3819A6DF\) of the account is 0/,
  );
  expect(text).toMatch(/aws\.network\.natGatewayPerZone = false\s+the stack needs 1 Elastic IP for a NAT gateway/);
  const created = (await stack.resources()).filter(({ type }) => !type.startsWith("pulumi:"));
  expect(created).toEqual([]);
});

describe("an existing stack", () => {
  /** A program with the checks of the account, and with the resources that they look for. */
  const FOLDER = "test/aws/programs/capacity";
  const program = async (command: string, code = 0) => {
    const done = await stack.run(`${command} -C ${FOLDER}`);
    expect(done.code, done.text).toBe(code);
    return done.text;
  };
  const configure = (aws: object) => {
    const config = {
      "aws:region": "us-east-1",
      "spatialforge:aws": { gpu: { instanceTypes: ["g6e.xlarge"] }, ...aws },
    };
    writeFileSync(join(stack.clone.folder, FOLDER, "Pulumi.dev.yaml"), JSON.stringify({ config }));
  };
  const zones = async () => JSON.parse(await program("stack output availabilityZones --json")) as string[];

  beforeAll(async () => {
    await stack.must("stack rm --yes --preserve-config --force");
    await program("stack init");
  });

  it("has zones that offer its instance types; a quota that may not be read is a warning", async () => {
    configure({});
    const text = await stack.emulator.withFault("quotas", { "L-DB2E81BA": "denied" }, () =>
      stack.emulator.withFault("zones", ["us-east-1b", "us-east-1c", "us-east-1e"], () =>
        program("up --yes --skip-preview"),
      ),
    );
    expect(text).toMatch(
      /warning: the quota .*\(L-DB2E81BA\) was not checked \(AccessDeniedException: .*needs 8 vCPUs/,
    );
    expect(await zones()).toEqual(["us-east-1b", "us-east-1c"]);
  });

  it("has the same preview if a zone is impaired, if another one is added, and if a quota is lower", async () => {
    await stack.emulator.withFault("quotas", { "L-DB2E81BA": 0 }, () =>
      stack.emulator.withFault("zones", ["us-east-1a", "us-east-1c"], () => program("preview --expect-no-changes")),
    );
  });

  it("compares the quotas in a preview if the settings need more than at the last update", async () => {
    configure({ gpu: { instanceTypes: ["g6e.xlarge"], maxInstances: 3 } });
    const preview = () => program("preview", 1);
    const text = await stack.emulator.withFault("quotas", { "L-DB2E81BA": 8 }, preview);
    expect(text).toMatch(/aws\.gpu\.maxInstances = 3\s+the stack needs 12 vCPUs .* is 8: request an increase/);
  });

  it("gets a third zone that no subnet has, and keeps the two others", async () => {
    configure({ network: { availabilityZones: 3 } });
    await stack.emulator.withFault("zones", ["us-east-1a", "us-east-1c", "us-east-1d"], () =>
      program("up --yes --skip-preview"),
    );
    expect(await zones()).toEqual(["us-east-1b", "us-east-1c", "us-east-1a"]);
  });
});
