import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { imageHealthCheck } from "../../stack/images/health-check";
import { ROLES } from "../../stack/roles";
import { ROOT } from "../../stack/root";
import { awsPlatform, registerAwsPlatform } from "../harness/aws-platform";
import { AWS_CHINA, byName, type Registered } from "../harness/mocks";
import { expectOrder } from "../harness/order";
import { allStatements, asList } from "../harness/policy";

const TASK_DEFINITION = "aws:ecs/taskDefinition:TaskDefinition";
const SERVICE = "aws:ecs/service:Service";

/** Task definitions with parsed container definitions. */
const taskDefinitions = (registered: Registered[]): Registered["inputs"][] =>
  Object.entries(byName(registered, TASK_DEFINITION)).map(([name, inputs]) => ({
    name: name.replace(/-task-definition$/, ""),
    ...inputs,
    containerDefinitions: JSON.parse(inputs.containerDefinitions) as Record<string, any>[], // eslint-disable-line @typescript-eslint/no-explicit-any
  }));

const taskDefinition = (registered: Registered[], name: string) =>
  taskDefinitions(registered).find((task) => task.name === name)!;

describe("a promoted release", () => {
  it("is deployed by its digests from the repository of the stack, and nothing is built", async () => {
    const images = { api: "sha256:a", worker: "sha256:b", cpu: "sha256:c" };
    const promotion = { from: "dev", inputs: "1", release: "v1-12345678", images };
    const promoted = await registerAwsPlatform("prod", {}, { promotion });
    expect(byName(promoted, "docker:index/image:Image")).toEqual({});
    const deployed = Object.fromEntries(
      taskDefinitions(promoted).map(({ name, containerDefinitions }) => [
        name,
        containerDefinitions[0].image as string,
      ]),
    );
    const repository = "ecr.example.org/repository";
    expect(deployed).toMatchObject({
      api: `${repository}@sha256:a`,
      worker: `${repository}@sha256:b`,
      beat: `${repository}@sha256:c`,
    });
  });
});

describe.each(["dev", "prod"] as const)("the task definitions of %s", (stack) => {
  it("match the snapshot", async () => {
    const sorted = taskDefinitions(await awsPlatform(stack)).sort((a, b) => a.name.localeCompare(b.name));
    expect(sorted).toMatchSnapshot();
  });

  it("are the same in each run", async () => {
    const [first, second] = [await awsPlatform(stack), await registerAwsPlatform(stack)];
    expect(byName(second, TASK_DEFINITION)).toEqual(byName(first, TASK_DEFINITION));
  });

  it("restrict their container, and use the health check of the image", async () => {
    for (const { name, containerDefinitions } of taskDefinitions(await awsPlatform(stack))) {
      const [container, ...others] = containerDefinitions;
      expect(others).toEqual([]);
      expect(container).toMatchObject({
        readonlyRootFilesystem: true,
        linuxParameters: { capabilities: { drop: ["ALL"] }, initProcessEnabled: true },
      });
      expect(container.privileged).toBeUndefined();
      if (ROLES.some((role) => role.name === name)) expect(container.healthCheck).toMatchObject(imageHealthCheck());
    }
  });
});

/** Types of resources that define how instances and services run, and what can connect to what. */
const SNAPSHOT_TYPES = [
  "aws:ec2/launchTemplate:LaunchTemplate",
  "aws:autoscaling/group:Group",
  "aws:ecs/capacityProvider:CapacityProvider",
  SERVICE,
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
  "aws:ec2/vpcEndpoint:VpcEndpoint",
  "aws:ec2/flowLog:FlowLog",
  "aws:cloudwatch/logGroup:LogGroup",
];

it.each(["dev", "prod"] as const)(
  "instances, services, endpoints, logs, and rules of %s match the snapshot",
  async (stack) => {
    const registered = await awsPlatform(stack);
    for (const type of SNAPSHOT_TYPES) expect(byName(registered, type)).toMatchSnapshot(type);
  },
);

it("the policy statements of prod with ECS Exec match the snapshot", async () => {
  const statements = allStatements(await awsPlatform("prod", { ecsExec: true }));
  const lines = statements.map(([name, { Effect, Principal, Action, Resource, Condition }]) =>
    [
      name,
      ...(Effect === "Allow" ? [] : [Effect]),
      ...(Principal ? [JSON.stringify(Principal)] : []),
      asList(Action).join(" "),
      asList(Resource).join(" "),
      ...(Condition ? [JSON.stringify(Condition)] : []),
    ].join(" | "),
  );
  expect(lines.sort()).toMatchSnapshot();
});

it.each(["dev", "prod"] as const)("the resources of %s are created and deleted in a working order", async (stack) => {
  expectOrder(await awsPlatform(stack));
});

describe("secrets", () => {
  it("of the application come from Secrets Manager, each by its JSON key, and are in no environment", async () => {
    const secrets = { STRIPE_SECRET_KEY: "sk_live", SENTRY_DSN: "https://sentry" };
    const registered = await awsPlatform("prod", {}, { secrets });
    for (const { name, containerDefinitions } of taskDefinitions(registered)) {
      if (name === "model-download") continue;
      const container = containerDefinitions[0] as Record<string, object[]>;
      expect(JSON.stringify(container.environment)).not.toMatch(/sk_live|sentry/);
      for (const variable of Object.keys(secrets)) {
        const valueFrom = `arn:application-env:${variable}::version-of-application-env`;
        expect(container.secrets).toContainEqual({ name: variable, valueFrom });
      }
    }
    const policy = byName(registered, "aws:iam/rolePolicy:RolePolicy")["api-execution"].policy as string;
    expect(policy.match(/arn:application-env/g)).toHaveLength(1);
    const versions = byName(registered, "aws:secretsmanager/secretVersion:SecretVersion");
    expect(JSON.stringify(versions["application-env"].secretString)).toContain("sk_live");
  });

  it("are in no environment of prod", async () => {
    for (const { containerDefinitions } of taskDefinitions(await awsPlatform("prod"))) {
      const { environment, secrets } = containerDefinitions[0] as Record<string, { name: string; value: string }[]>;
      const names = environment.map(({ name }) => name);
      expect(names.filter((name) => /SECRET|PASSWORD|_KEY$|REDIS_URL/.test(name))).toEqual([]);
      expect(environment.filter(({ value }) => value.includes("generated-"))).toEqual([]);
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
});

it("the health check for ECS is the one of the Dockerfile", () => {
  const [, timing, command] = /^HEALTHCHECK (.*) \\\n\s+CMD (.*)$/m.exec(
    readFileSync(join(ROOT, "images", "Dockerfile"), "utf8"),
  )!;
  const healthCheck = imageHealthCheck();
  const { interval, timeout, retries } = healthCheck;
  expect(timing).toMatch(new RegExp(`--interval=${interval}s --timeout=${timeout}s .*--retries=${retries}`));
  expect(healthCheck.command).toEqual(["CMD", ...(JSON.parse(command) as string[])]);
});

describe("ECS Exec", () => {
  it("adds two writable volumes for its agent, and logs each session", async () => {
    const registered = await awsPlatform("dev", { ecsExec: true });
    const [container] = taskDefinition(registered, "api").containerDefinitions;
    const paths = container.mountPoints.map((mount: { containerPath: string }) => mount.containerPath);
    expect(paths).toEqual(["/models", "/tmp", "/var/lib/amazon", "/var/log/amazon"]);
    const { cluster } = byName(registered, "aws:ecs/cluster:Cluster");
    expect(cluster.configuration.executeCommandConfiguration).toMatchObject({
      logging: "OVERRIDE",
      logConfiguration: { cloudWatchLogGroupName: expect.any(String) },
    });
    for (const { enableExecuteCommand } of Object.values(byName(registered, SERVICE))) {
      expect(enableExecuteCommand).toBe(true);
    }
  });

  it("is disabled by default", async () => {
    const services = Object.values(byName(await awsPlatform("prod"), SERVICE));
    expect(services).toHaveLength(ROLES.length);
    for (const { enableExecuteCommand } of services) expect(enableExecuteCommand).toBe(false);
  });
});

it("the KMS key of prod encrypts data, secrets, logs, images, and the topic of the alarms", async () => {
  const registered = await awsPlatform("prod");
  const key = "arn:kms-key";
  const inputsOf = (type: string) => Object.values(byName(registered, type));
  for (const { kmsKeyId } of [
    ...inputsOf("aws:secretsmanager/secret:Secret"),
    ...inputsOf("aws:elasticache/replicationGroup:ReplicationGroup"),
    ...inputsOf("aws:efs/fileSystem:FileSystem"),
    ...inputsOf("aws:cloudwatch/logGroup:LogGroup"),
  ]) {
    expect(kmsKeyId).toBe(key);
  }
  expect(inputsOf("aws:sns/topic:Topic")[0].kmsMasterKeyId).toBe(key);
  expect(inputsOf("aws:ecr/repository:Repository")[0].encryptionConfigurations).toEqual([
    { encryptionType: "KMS", kmsKey: key },
  ]);
});

describe("the API", () => {
  it("runs the CPU image on Fargate by default", async () => {
    const registered = await awsPlatform("dev");
    const { requiresCompatibilities, containerDefinitions } = taskDefinition(registered, "api");
    expect(requiresCompatibilities).toEqual(["FARGATE"]);
    expect(containerDefinitions[0].image).toMatch(/@sha256:cpu$/);
    expect(byName(registered, SERVICE).api.capacityProviderStrategies).toEqual([
      { capacityProvider: "FARGATE", weight: 1 },
    ]);
  });

  it("runs the GPU image on GPU instances with the setting api.gpu, spread over the zones", async () => {
    const registered = await awsPlatform("dev", { api: { gpu: true, cpu: 3072, memory: 12_288 } });
    const { requiresCompatibilities, containerDefinitions } = taskDefinition(registered, "api");
    expect(requiresCompatibilities).toEqual(["EC2"]);
    expect(containerDefinitions[0]).toMatchObject({
      image: expect.stringMatching(/@sha256:api$/),
      resourceRequirements: [{ type: "GPU", value: "1" }],
    });
    expect(byName(registered, SERVICE).api).toMatchObject({
      capacityProviderStrategies: [{ capacityProvider: "cluster-gpu" }],
      orderedPlacementStrategies: [{ type: "spread", field: "attribute:ecs.availability-zone" }, { type: "binpack" }],
    });
  });

  it("accepts headers only from the VPC, and keeps connections open longer than the load balancer", async () => {
    const registered = await awsPlatform("prod");
    const { environment } = taskDefinition(registered, "api").containerDefinitions[0];
    const variables = Object.fromEntries(
      environment.map(({ name, value }: { name: string; value: string }) => [name, value]),
    );
    expect(variables.FORWARDED_ALLOW_IPS).toBe("10.50.0.0/16");
    const { idleTimeout } = byName(registered, "aws:lb/loadBalancer:LoadBalancer")["load-balancer"];
    expect(Number(variables.UVICORN_KEEP_ALIVE_S)).toBeGreaterThan(idleTimeout);
  });
});

it("beat has exactly one task, and the old task stops before the new one starts", async () => {
  expect(byName(await awsPlatform("prod"), SERVICE).beat).toMatchObject({
    desiredCount: 1,
    deploymentMinimumHealthyPercent: 0,
    deploymentMaximumPercent: 100,
    availabilityZoneRebalancing: "DISABLED",
  });
});

it.each(["dev", "prod"] as const)("GPU instances and their volumes have the default tags of %s", async (stack) => {
  const registered = await awsPlatform(stack);
  const { tags } = byName(registered, "aws:autoscaling/group:Group")["cluster-gpu"];
  for (const [key, value] of [
    ["Project", "spatialforge"],
    ["Environment", stack],
  ]) {
    expect(tags).toContainEqual({ key, value, propagateAtLaunch: true });
  }
  const { tagSpecifications } = byName(registered, "aws:ec2/launchTemplate:LaunchTemplate")["cluster-gpu"];
  const expected = { Project: "spatialforge", Environment: stack };
  expect(tagSpecifications).toMatchObject([
    { resourceType: "instance", tags: expected },
    { resourceType: "volume", tags: expected },
  ]);
});

describe("another partition", () => {
  /** Service principals that have no suffix of the partition. */
  const SERVICE_PRINCIPALS = [
    "cloudwatch.amazonaws.com",
    "ecs-tasks.amazonaws.com",
    "logdelivery.elasticloadbalancing.amazonaws.com",
    "vpc-flow-logs.amazonaws.com",
  ];

  const inChina = () =>
    awsPlatform(
      "prod",
      { ecsExec: true, loadBalancer: { domainName: "sf.example.org", hostedZoneId: "Z1" } },
      { location: AWS_CHINA, secrets: { SENTRY_DSN: "https://sentry" } },
    );
  const texts = async () =>
    (await inChina()).map(({ type, name, inputs }) => `${type} ${name} ${JSON.stringify(inputs)}`);

  it("has no ARN of the partition aws", async () => {
    const all = await texts();
    expect(all.filter((text) => text.includes("arn:aws:"))).toEqual([]);
    expect(all.filter((text) => text.includes("arn:aws-cn:")).length).toBeGreaterThan(5);
  });

  it("has no host of the partition aws", async () => {
    const all = (await texts()).join("\n");
    const hosts = all.match(/[\w.-]+\.amazonaws\.com\b(?!\.cn)/g) ?? [];
    expect([...new Set(hosts)].sort()).toEqual(SERVICE_PRINCIPALS);
    expect(all).toContain("s3.cn-north-1.amazonaws.com.cn");
  });
});

it("the log group of Container Insights exists before the cluster writes to it, with a retention", async () => {
  const registered = await awsPlatform("dev");
  const group = registered.find(
    ({ inputs }) => inputs.name === "/aws/ecs/containerinsights/spatialforge-dev/performance",
  );
  expect(group?.inputs.retentionInDays).toBe(30);
  const cluster = registered.find(({ type }) => type === "aws:ecs/cluster:Cluster");
  expect(cluster?.dependsOn).toContain(group?.name);
});
