import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { Cluster } from "../../stack/aws/cluster";
import { userData } from "../../stack/aws/hosts";
import { Firewall } from "../../stack/aws/firewall";
import { Network, subnetCidr } from "../../stack/aws/network";
import { Service, type ServiceArgs } from "../../stack/aws/service";
import { mockedEngine, watching } from "../harness/mocks";
import { statementsOf } from "../harness/policy";

const { made, of } = mockedEngine("dev");

const PLACE = { account: "1", region: "eu-west-1" };

describe("Network", () => {
  const ARGS = { ...PLACE, cidr: "10.40.0.0/16", zones: 3, natPerZone: true, endpoints: true, flowLogDays: 90 };

  it.each([
    ["10.40.0.0/16", "private", 0, "10.40.0.0/20"],
    ["10.40.0.0/16", "private", 2, "10.40.32.0/20"],
    ["10.40.0.0/16", "public", 0, "10.40.128.0/20"],
    ["192.168.16.0/20", "public", 1, "192.168.25.0/24"],
  ] as const)("splits %s: %s subnet %i is %s", (vpc, kind, zone, cidr) => {
    expect(subnetCidr(vpc, kind, zone)).toBe(cidr);
  });

  it("gives each zone a way out of its own", async () => {
    new Network("sf", ARGS);
    const nats = await made("aws:ec2/natGateway:NatGateway");
    expect(Object.values(nats).map(({ subnetId }) => subnetId)).toEqual(["public-0-id", "public-1-id", "public-2-id"]);
    const routes = of("aws:ec2/route:Route");
    expect(routes["private-2"]).toMatchObject({ natGatewayId: "nat-2-id", destinationCidrBlock: "0.0.0.0/0" });
    expect(routes.public).toMatchObject({ gatewayId: "internet-id" });
  });

  it("is in no zone that one opts in to", async () => {
    new Network("sf", ARGS);
    const subnets = await made("aws:ec2/subnet:Subnet");
    expect([0, 1, 2].map((zone) => subnets[`private-${zone}`].availabilityZone)).toEqual([
      "zone-a",
      "zone-b",
      "zone-c",
    ]);
  });

  it("closes the default security group, and lets only the VPC reach the endpoints", async () => {
    new Network("sf", ARGS);
    const closed = await made("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup");
    expect(closed.closed).toMatchObject({ ingress: [], egress: [] });
    expect(of("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")).toMatchObject({
      endpoints: { cidrIpv4: "10.40.0.0/16", fromPort: 443, toPort: 443 },
    });
  });

  it("has one NAT gateway and nothing beyond where that is chosen", async () => {
    new Network("sf", { ...ARGS, zones: 2, natPerZone: false, endpoints: false, flowLogDays: 0 });
    expect(Object.keys(await made("aws:ec2/natGateway:NatGateway"))).toEqual(["nat-0"]);
    expect(of("aws:ec2/route:Route")["private-1"].natGatewayId).toBe("nat-0-id");
    expect(Object.keys(of("aws:ec2/vpcEndpoint:VpcEndpoint"))).toEqual(["s3"]);
    expect(of("aws:ec2/flowLog:FlowLog")).toEqual({});
  });
});

it("Firewall: the internet reaches the entry and nothing else; all other rules name a group", async () => {
  new Firewall("sf", "vpc-1");
  const rules = await made("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule");
  const open = Object.values(rules).filter(({ cidrIpv4 }) => cidrIpv4);
  expect(open.map(({ securityGroupId, fromPort }) => [securityGroupId, fromPort])).toEqual([
    ["entry-id", 443],
    ["entry-id", 80],
  ]);
  expect(rules["worker-redis-6379"]).toMatchObject({
    referencedSecurityGroupId: "worker-id",
    securityGroupId: "redis-id",
  });
});

describe("Cluster", () => {
  const ARGS = {
    ...PLACE,
    after: [],
    subnetIds: ["a", "b"],
    securityGroupId: "hosts",
    types: ["g5.xlarge", "g6.xlarge"] as const,
    maxHosts: 3,
    onDemandBase: 1,
    spot: true,
    disk: 150,
    ami: "",
    exec: false,
    logDays: 30,
  };

  it("has hosts with an encrypted disk and IMDSv2, of any of the types, on-demand first and then spot", async () => {
    new Cluster("sf", ARGS);
    const { host } = await made("aws:ec2/launchTemplate:LaunchTemplate");
    expect(host.imageId).toBe("ami-1");
    expect(host.metadataOptions).toMatchObject({ httpTokens: "required", httpPutResponseHopLimit: 1 });
    expect(host.blockDeviceMappings[0].ebs).toMatchObject({
      encrypted: "true",
      volumeSize: 150,
      volumeType: "gp3",
      throughput: 500,
    });
    const { gpu } = of("aws:autoscaling/group:Group");
    expect(gpu).toMatchObject({ minSize: 0, maxSize: 3, protectFromScaleIn: true, forceDelete: true });
    expect(gpu.mixedInstancesPolicy).toMatchObject({
      launchTemplate: { overrides: [{ instanceType: "g5.xlarge" }, { instanceType: "g6.xlarge" }] },
      instancesDistribution: { onDemandBaseCapacity: 1, onDemandPercentageAboveBaseCapacity: 0 },
    });
    expect(Buffer.from(host.userData, "base64").toString()).toBe(userData("sf"));
  });

  it("replaces hosts that run tasks, too, when its template changes: they are drained first", async () => {
    new Cluster("sf", ARGS);
    const { gpu } = await made("aws:autoscaling/group:Group");
    expect(gpu.instanceRefresh).toEqual({
      strategy: "Rolling",
      preferences: { scaleInProtectedInstances: "Refresh", minHealthyPercentage: 100, maxHealthyPercentage: 200 },
    });
  });

  it("lets ECS scale, drain and protect them", async () => {
    new Cluster("sf", ARGS);
    expect((await made("aws:ecs/capacityProvider:CapacityProvider")).gpu.autoScalingGroupProvider).toMatchObject({
      managedScaling: { status: "ENABLED", targetCapacity: 100 },
      managedDraining: "ENABLED",
      managedTerminationProtection: "ENABLED",
    });
  });

  it("tells the agent what it needs to know", () => {
    expect(userData("sf-dev")).toMatchInlineSnapshot(`
      "#!/bin/sh
      cat >>/etc/ecs/ecs.config <<'END'
      ECS_CLUSTER=sf-dev
      ECS_ENABLE_GPU_SUPPORT=true
      ECS_ENABLE_SPOT_INSTANCE_DRAINING=true
      ECS_IMAGE_PULL_BEHAVIOR=once
      ECS_IMAGE_CLEANUP_INTERVAL=30m
      ECS_IMAGE_MINIMUM_CLEANUP_AGE=1h
      ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION=30m
      ECS_AWSVPC_BLOCK_IMDS=true
      END
      "
    `);
  });
});

describe("Service", () => {
  const ARGS: ServiceArgs = {
    ...PLACE,
    cluster: { arn: "arn:cluster", name: "sf" },
    image: "repository@sha256:1",
    repositoryArn: "arn:repository",
    command: ["worker"],
    cpu: 3072,
    memory: 14_336,
    gpu: "gpu",
    tasks: 1,
    scaled: true,
    stopTimeout: 600,
    env: { B: "2", A: "1" },
    secrets: { REDIS_URL: { arn: pulumi.output("arn:redis-url"), valueFrom: pulumi.output("arn:redis-url:::1") } },
    subnetIds: ["a", "b"],
    securityGroupId: "worker",
    logDays: 30,
    after: [],
  };

  async function container(args: ServiceArgs) {
    new Service("worker", args);
    const { worker } = await made("aws:ecs/taskDefinition:TaskDefinition");
    return { task: worker, container: JSON.parse(worker.containerDefinitions)[0] };
  }

  it("has all the time that its tasks may take to stop, and more, to be deleted", async () => {
    let deletes: string | undefined;
    const see = watching(({ type, opts }) => {
      if (type === "aws:ecs/service:Service") deletes = (opts as pulumi.CustomResourceOptions).customTimeouts?.delete;
    });
    new Service("worker", { ...ARGS, stopTimeout: 7200 }, see);
    await made("aws:ecs/service:Service");
    expect(deletes).toBe("8400s");
  });

  it("runs its image by digest on a GPU host, locked down", async () => {
    const made = await container(ARGS);
    expect(made.task).toMatchObject({ requiresCompatibilities: ["EC2"], networkMode: "awsvpc" });
    expect(made.container).toMatchObject({
      image: "repository@sha256:1",
      resourceRequirements: [{ type: "GPU", value: "1" }],
      readonlyRootFilesystem: true,
      linuxParameters: { capabilities: { drop: ["ALL"] }, initProcessEnabled: true },
      environment: [
        { name: "A", value: "1" },
        { name: "B", value: "2" },
      ],
      secrets: [{ name: "REDIS_URL", valueFrom: "arn:redis-url:::1" }],
      stopTimeout: 600,
    });
  });

  it("runs on Fargate without a GPU", async () => {
    const made = await container({ ...ARGS, gpu: undefined, stopTimeout: 30 });
    expect(made.task.requiresCompatibilities).toEqual(["FARGATE"]);
    expect(made.container.resourceRequirements).toEqual([]);
  });

  it("rolls back by itself; one that is single ends before the new one starts", async () => {
    new Service("worker", { ...ARGS, single: true });
    expect((await made("aws:ecs/service:Service")).worker).toMatchObject({
      deploymentCircuitBreaker: { enable: true, rollback: true },
      deploymentMinimumHealthyPercent: 0,
      deploymentMaximumPercent: 100,
      availabilityZoneRebalancing: "DISABLED",
    });
  });

  it("may start with this repository, these secrets and this log, and itself do nothing", async () => {
    new Service("worker", ARGS);
    const policies = await made("aws:iam/rolePolicy:RolePolicy");
    expect(Object.keys(policies)).toEqual(["worker-execution"]);
    const statements = statementsOf(policies["worker-execution"].policy);
    expect(statements.filter(({ Resource }) => Resource === "*").map(({ Action }) => Action)).toEqual([
      ["ecr:GetAuthorizationToken"],
    ]);
    expect(statements.flatMap(({ Action }) => Action).filter((action) => action.includes("*"))).toEqual([]);
  });
});
