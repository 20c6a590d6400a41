import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { imageHealthCheck } from "../../stack/images/health-check";
import { ROOT } from "../../stack/root";
import { awsPlatform } from "../harness/aws-platform";
import { byName, type Registered } from "../harness/mocks";

const definitions = (registered: Registered[]): Registered["inputs"][] =>
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

/** Types whose inputs say how hosts and services run, and who reaches whom. */
const SHAPE = [
  "aws:ec2/launchTemplate:LaunchTemplate",
  "aws:autoscaling/group:Group",
  "aws:ecs/capacityProvider:CapacityProvider",
  "aws:ecs/service:Service",
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
  "aws:ec2/vpcEndpoint:VpcEndpoint",
  "aws:ec2/flowLog:FlowLog",
  "aws:cloudwatch/logGroup:LogGroup",
];

it.each(["dev", "prod"] as const)(
  "the hosts, services, endpoints, logs and rules of the firewall of %s are these",
  async (stack) => {
    const registered = await awsPlatform(stack);
    for (const type of SHAPE) expect(byName(registered, type)).toMatchSnapshot(type);
  },
);

it("the application's secret variables come from Secrets Manager, each by its key, and are in no environment", async () => {
  const registered = await awsPlatform("prod", {}, { STRIPE_SECRET_KEY: "sk_live", SENTRY_DSN: "https://sentry" });
  for (const { name, containerDefinitions } of definitions(registered)) {
    if (name === "fill-models") continue;
    const { environment, secrets } = containerDefinitions[0] as Record<string, object[]>;
    expect(JSON.stringify(environment)).not.toMatch(/sk_live|sentry/);
    expect(secrets).toContainEqual({
      name: "STRIPE_SECRET_KEY",
      valueFrom: "arn:env:STRIPE_SECRET_KEY::version-of-env",
    });
    expect(secrets).toContainEqual({ name: "SENTRY_DSN", valueFrom: "arn:env:SENTRY_DSN::version-of-env" });
  }
  const policy = byName(registered, "aws:iam/rolePolicy:RolePolicy")["api-execution"].policy as string;
  expect(policy.match(/arn:env/g)).toHaveLength(1);
  const { secretString } = byName(registered, "aws:secretsmanager/secretVersion:SecretVersion").env;
  expect(JSON.stringify(secretString)).toContain("sk_live");
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
    ...of("aws:cloudwatch/logGroup:LogGroup"),
  ]) {
    expect(kmsKeyId).toBe(key);
  }
  expect(of("aws:sns/topic:Topic")[0].kmsMasterKeyId).toBe(key);
  expect(of("aws:ecr/repository:Repository")[0].encryptionConfigurations).toEqual([
    { encryptionType: "KMS", kmsKey: key },
  ]);
});

describe("the API", () => {
  it("runs the CPU image on Fargate on dev", async () => {
    const registered = await awsPlatform("dev");
    const api = definitions(registered).find(({ name }) => name === "api")!;
    expect(api.requiresCompatibilities).toEqual(["FARGATE"]);
    expect(api.containerDefinitions[0].image).toMatch(/@sha256:cpu$/);
    expect(byName(registered, "aws:ecs/service:Service").api.capacityProviderStrategies).toEqual([
      { capacityProvider: "FARGATE", weight: 1 },
    ]);
  });

  it("runs the GPU image on a GPU host where that is chosen, spread over the zones", async () => {
    const registered = await awsPlatform("dev", { api: { gpu: true, cpu: 3072, memory: 12_288 } });
    const api = definitions(registered).find(({ name }) => name === "api")!;
    expect(api.requiresCompatibilities).toEqual(["EC2"]);
    expect(api.containerDefinitions[0]).toMatchObject({
      image: expect.stringMatching(/@sha256:api$/),
      resourceRequirements: [{ type: "GPU", value: "1" }],
    });
    expect(byName(registered, "aws:ecs/service:Service").api).toMatchObject({
      capacityProviderStrategies: [{ capacityProvider: "gpu" }],
      orderedPlacementStrategies: [{ type: "spread", field: "attribute:ecs.availability-zone" }, { type: "binpack" }],
    });
  });

  it("believes the load balancer's headers alone, and keeps connections longer than it does", async () => {
    const registered = await awsPlatform("prod");
    const { environment } = definitions(registered).find(({ name }) => name === "api")!.containerDefinitions[0];
    const env = Object.fromEntries(
      environment.map(({ name, value }: { name: string; value: string }) => [name, value]),
    );
    expect(env.FORWARDED_ALLOW_IPS).toBe("10.50.0.0/16");
    const { idleTimeout } = byName(registered, "aws:lb/loadBalancer:LoadBalancer").entry;
    expect(Number(env.UVICORN_KEEP_ALIVE_S)).toBeGreaterThan(idleTimeout);
  });
});

it("beat is exactly one, and the old one stops first; only it publishes the backlog", async () => {
  const registered = await awsPlatform("prod");
  expect(byName(registered, "aws:ecs/service:Service").beat).toMatchObject({
    desiredCount: 1,
    deploymentMinimumHealthyPercent: 0,
    deploymentMaximumPercent: 100,
    availabilityZoneRebalancing: "DISABLED",
  });
  const publish = definitions(registered).filter(({ containerDefinitions }) =>
    containerDefinitions[0].environment.some(({ name }: { name: string }) => name === "BACKLOG_NAMESPACE"),
  );
  expect(publish.map(({ name }) => name)).toEqual(["beat"]);
});
