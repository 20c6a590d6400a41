import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { imageHealthCheck } from "../../stack/images/health-check";
import { ROOT } from "../../stack/root";
import { awsPlatform } from "../harness/aws-platform";
import { byName, type Registered } from "../harness/mocks";

const definitions = (registered: Registered[]) =>
  Object.entries(byName(registered, "aws:ecs/taskDefinition:TaskDefinition")).map(([name, inputs]) => ({
    name,
    ...inputs,
    containerDefinitions: JSON.parse(inputs.containerDefinitions) as Record<string, any>[], // eslint-disable-line @typescript-eslint/no-explicit-any
  }));

describe.each(["dev", "prod"] as const)("the task definitions of %s", (stack) => {
  it("are these", async () => {
    expect(definitions(await awsPlatform(stack)).sort((a, b) => a.name.localeCompare(b.name))).toMatchSnapshot();
  });

  it("come out the same each time", async () => {
    const [first, second] = [await awsPlatform(stack), await awsPlatform(stack)];
    const text = (registered: Registered[]) =>
      byName(registered, "aws:ecs/taskDefinition:TaskDefinition").api.containerDefinitions as string;
    expect(text(second)).toBe(text(first));
  });

  it("are locked down, and take their health check from the image", async () => {
    for (const { name, containerDefinitions } of definitions(await awsPlatform(stack))) {
      const [container, ...others] = containerDefinitions;
      expect(others).toEqual([]);
      expect(container).toMatchObject({
        readonlyRootFilesystem: true,
        linuxParameters: { capabilities: { drop: ["ALL"] }, initProcessEnabled: true },
      });
      expect(container.privileged).toBeUndefined();
      if (name !== "fill-models") expect(container.healthCheck).toMatchObject(imageHealthCheck());
    }
  });
});

it("what ECS checks is what the Dockerfile says", () => {
  const [, timing, command] = /^HEALTHCHECK (.*) \\\n\s+CMD (.*)$/m.exec(
    readFileSync(join(ROOT, "images", "Dockerfile"), "utf8"),
  )!;
  const { interval, timeout, retries, command: checked } = imageHealthCheck();
  expect(timing).toMatch(new RegExp(`--interval=${interval}s --timeout=${timeout}s .*--retries=${retries}`));
  expect(["CMD", ...(JSON.parse(command) as string[])]).toEqual(checked);
});

it("no secret stands in an environment", async () => {
  for (const { containerDefinitions } of definitions(await awsPlatform("prod"))) {
    const { environment, secrets } = containerDefinitions[0] as Record<string, { name: string; value: string }[]>;
    expect(environment.map(({ name }) => name).filter((name) => /SECRET|PASSWORD|_KEY$|REDIS_URL/.test(name))).toEqual(
      [],
    );
    expect(environment.map(({ value }) => value).filter((value) => String(value).includes("generated-"))).toEqual([]);
    if (secrets.length) {
      expect(secrets.map(({ name }) => name)).toEqual([
        "ADMIN_API_KEY",
        "API_KEY_SECRET",
        "MINIO_ACCESS_KEY",
        "MINIO_SECRET_KEY",
        "REDIS_URL",
      ]);
    }
  }
});

describe("ECS Exec", () => {
  it("gives its agent two places to write, and logs each session", async () => {
    const registered = await awsPlatform("dev", { exec: true });
    const api = definitions(registered).find(({ name }) => name === "api")!;
    expect(
      api.containerDefinitions[0].mountPoints.map((mount: { containerPath: string }) => mount.containerPath),
    ).toEqual(["/models", "/tmp", "/var/lib/amazon", "/var/log/amazon"]);
    const { cluster } = byName(registered, "aws:ecs/cluster:Cluster");
    expect(cluster.configuration.executeCommandConfiguration).toMatchObject({
      logging: "OVERRIDE",
      logConfiguration: { cloudWatchLogGroupName: expect.any(String) },
    });
    expect(byName(registered, "aws:ecs/service:Service").api.enableExecuteCommand).toBe(true);
  });

  it("is off where it is not asked for", async () => {
    const services = byName(await awsPlatform("prod"), "aws:ecs/service:Service");
    expect(Object.values(services).map(({ enableExecuteCommand }) => enableExecuteCommand)).toEqual([
      false,
      false,
      false,
    ]);
  });
});

it("prod's data, secrets, logs and topic are encrypted with the stack's own key", async () => {
  const registered = await awsPlatform("prod");
  const key = "arn:key";
  const of = (type: string) => Object.values(byName(registered, type));
  for (const { kmsKeyId } of [
    ...of("aws:secretsmanager/secret:Secret"),
    ...of("aws:elasticache/replicationGroup:ReplicationGroup"),
    ...of("aws:efs/fileSystem:FileSystem"),
  ]) {
    expect(kmsKeyId).toBe(key);
  }
  expect(of("aws:sns/topic:Topic")[0].kmsMasterKeyId).toBe(key);
  expect(of("aws:ecr/repository:Repository")[0].encryptionConfigurations).toEqual([
    { encryptionType: "KMS", kmsKey: key },
  ]);
});
