import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  AutoScalingClient,
  DescribeAutoScalingGroupsCommand,
  DescribeInstanceRefreshesCommand,
} from "@aws-sdk/client-auto-scaling";
import { DescribeServicesCommand, ECSClient } from "@aws-sdk/client-ecs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { IMAGES } from "../../stack/images/catalog";
import { Clone } from "../harness/clone";
import { Emulator } from "../harness/emulator";
import { until } from "../harness/engine";
import { baseOf } from "../harness/images";

const GROUP = "hosts-gpu";
const IMAGE = baseOf(IMAGES.find(({ name }) => name === "cpu")!);

/** Name of an AMI. The emulator knows every name. */
const ami = (day: number) => `al2023-ami-ecs-gpu-hvm-2023.0.2026010${day}-kernel-6.1-x86_64-ebs`;

const state = mkdtempSync(join(tmpdir(), "spatialforge-state-"));
const clone = new Clone();
const folder = join(clone.folder, "test", "aws", "programs", "hosts");
let emulator: Emulator;

beforeAll(async () => {
  emulator = await Emulator.start({ tasks: true });
  clone.linkDependencies();
  await pulumi("stack init");
  const settings = { "aws:region": "us-east-1", "aws:maxRetries": 2, image: IMAGE, amiName: ami(1), version: 1 };
  for (const [key, value] of Object.entries(settings)) await set(key, value);
  await up();
  await until("a host runs the task", 60, async () => (await service()).runningCount === 1);
});

afterAll(async () => {
  await emulator?.stop(); // which removes what it has created on the Docker engine

  clone.remove();
  rmSync(state, { recursive: true, force: true });
});

async function run(command: string): Promise<{ code: number | null; text: string }> {
  const env = {
    PULUMI_BACKEND_URL: `file://${state}`,
    PULUMI_CONFIG_PASSPHRASE: "for tests only",
    AWS_ENDPOINT_URL: emulator.url,
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    AWS_EC2_METADATA_DISABLED: "true",
  };
  const exports = Object.entries(env).map(([name, value]) => `export ${name}='${value}'; `);
  return clone.run(`${exports.join("")} pulumi ${command} --stack dev --non-interactive`, folder);
}

async function pulumi(command: string): Promise<string> {
  const { code, text } = await run(command);
  expect(code, text).toBe(0);
  return text;
}

const set = (key: string, value: unknown) => pulumi(`config set ${key} ${String(value)}`);
const up = () => pulumi("up --yes --skip-preview");
const failingUp = () => run("up --yes --skip-preview");

async function service() {
  const command = new DescribeServicesCommand({ cluster: "hosts", services: ["hosts"] });
  return (await new ECSClient(emulator.clientConfig).send(command)).services![0];
}

/** The launch template version of the group, and those of its instances. */
async function versions() {
  const autoScaling = new AutoScalingClient(emulator.clientConfig);
  const command = new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [GROUP] });
  const [{ MixedInstancesPolicy, Instances = [] }] = (await autoScaling.send(command)).AutoScalingGroups!;
  return {
    group: MixedInstancesPolicy?.LaunchTemplate?.LaunchTemplateSpecification?.Version,
    instances: Instances.map(({ LaunchTemplate }) => LaunchTemplate?.Version),
  };
}

async function refreshes() {
  const command = new DescribeInstanceRefreshesCommand({ AutoScalingGroupName: GROUP });
  const { InstanceRefreshes = [] } = await new AutoScalingClient(emulator.clientConfig).send(command);
  return InstanceRefreshes.map(({ Status }) => Status);
}

describe("a changed AMI", () => {
  it("whose instances fail: the update fails with the reason, the group keeps the old version, and no service changes", async () => {
    await set("amiName", ami(2));
    await set("version", 2);
    const before = await service();
    const reason = "i-0123456789 failed its EC2 status checks";
    const { code, text } = await emulator.withFault("hosts", { mode: "unhealthy", reason }, failingUp);
    expect(code).not.toBe(0);
    expect(text).toContain(`error: ${GROUP}: the GPU instances were not replaced: instance refresh RollbackSuccessful`);
    expect(text).toContain(reason);
    expect(await versions()).toEqual({ group: "1", instances: ["1"] });
    expect((await service()).taskDefinition).toBe(before.taskDefinition);
  });

  it("with the same settings: the next update replaces the instances, and then updates the service", async () => {
    const before = await service();
    await up();
    expect(await refreshes()).toEqual(["Successful", "RollbackSuccessful"]);
    expect(await versions()).toMatchObject({ group: "2", instances: expect.not.arrayContaining(["1"]) });
    expect((await service()).taskDefinition).not.toBe(before.taskDefinition);
    await until("the task runs again", 60, async () => (await service()).runningCount === 1);
    await pulumi("preview --expect-no-changes");
  });
});
