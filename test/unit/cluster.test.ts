import { describe, expect, it } from "vitest";
import { Cluster } from "../../stack/aws/compute/cluster";
import { userData } from "../../stack/aws/compute/launch-template";
import { awsSettingsSchema } from "../../stack/config/aws-schema";
import { AWS, mockedEngine } from "../harness/mocks";

const { created, inputsOf, restart } = mockedEngine("dev");

const GROUP = "aws:autoscaling/group:Group";
const TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate";

describe("Cluster", () => {
  const ARGS = {
    ...awsSettingsSchema.parse({}).gpu, // so that a new setting changes no test
    ...AWS,
    accountId: "1",
    name: "sf",
    dependencies: [],
    subnetIds: ["a", "b"],
    securityGroupId: "gpu-instances",
    instanceTypes: ["g5.xlarge", "g6.xlarge"] as const,
    maxInstances: 3,
    onDemandBaseCapacity: 1,
    spot: true,
    volumeSize: 150,
    amiName: "",
    ecsExec: false,
    logRetentionDays: 30,
    replacementTimeout: 60,
  };

  it("starts GPU instances with an encrypted volume and IMDSv2", async () => {
    new Cluster("cluster", ARGS);
    const template = (await created(TEMPLATE))["cluster-gpu"];
    expect(template.imageId).toBe("ami-1");
    expect(template.metadataOptions).toMatchObject({ httpTokens: "required", httpPutResponseHopLimit: 1 });
    expect(template.blockDeviceMappings[0].ebs).toMatchObject({
      encrypted: "true",
      volumeSize: 150,
      volumeType: "gp3",
      throughput: 500,
    });
    expect(Buffer.from(template.userData, "base64").toString()).toBe(userData("sf"));
  });

  it("uses all instance types, first on-demand capacity and then spot capacity", async () => {
    new Cluster("cluster", ARGS);
    const group = (await created(GROUP))["cluster-gpu"];
    expect(group).toMatchObject({ minSize: 0, maxSize: 3, protectFromScaleIn: true, forceDelete: true });
    expect(group.mixedInstancesPolicy).toMatchObject({
      launchTemplate: { overrides: [{ instanceType: "g5.xlarge" }, { instanceType: "g6.xlarge" }] },
      instancesDistribution: { onDemandBaseCapacity: 1, onDemandPercentageAboveBaseCapacity: 0 },
    });
  });

  it("lets ECS scale, drain, and protect the instances", async () => {
    new Cluster("cluster", ARGS);
    const providers = await created("aws:ecs/capacityProvider:CapacityProvider");
    expect(providers["cluster-gpu"].autoScalingGroupProvider).toMatchObject({
      managedScaling: { status: "ENABLED", targetCapacity: 100 },
      managedDraining: "ENABLED",
      managedTerminationProtection: "ENABLED",
    });
  });

  it("adds the default tags to the Auto Scaling group, and to instances and volumes", async () => {
    await restart({ "aws:defaultTags": JSON.stringify({ tags: { Project: "sf", Team: "vision" } }) });
    new Cluster("cluster", ARGS);
    expect((await created(GROUP))["cluster-gpu"].tags).toEqual([
      { key: "Project", value: "sf", propagateAtLaunch: true },
      { key: "Team", value: "vision", propagateAtLaunch: true },
      { key: "AmazonECSManaged", value: "true", propagateAtLaunch: true },
    ]);
    const tags = { Project: "sf", Team: "vision", Name: "sf-gpu" };
    expect(inputsOf(TEMPLATE)["cluster-gpu"].tagSpecifications).toEqual([
      { resourceType: "instance", tags },
      { resourceType: "volume", tags },
    ]);
  });

  it("needs no default tags", async () => {
    new Cluster("cluster", ARGS);
    expect((await created(GROUP))["cluster-gpu"].tags).toEqual([
      { key: "AmazonECSManaged", value: "true", propagateAtLaunch: true },
    ]);
  });

  it("configures the ECS agent", () => {
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
