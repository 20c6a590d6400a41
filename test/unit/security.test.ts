import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "../../stack/root";
import { awsPlatform } from "../harness/aws-platform";
import { byName, type Registered } from "../harness/mocks";

/** Inputs of all resources of a type, as prod has them. */
let all: (type: string) => Registered["inputs"][];
let named: (type: string) => Record<string, Registered["inputs"]>;
beforeAll(async () => {
  const registered = await awsPlatform("prod", { entry: { certificateArn: "arn:aws:acm:eu-west-1:1:certificate/1" } });
  named = (type) => byName(registered, type);
  all = (type) => {
    const found = Object.values(named(type));
    expect(found.length, type).toBeGreaterThan(0);
    return found;
  };
});

const each = (type: string, inputs: object) => all(type).forEach((one) => expect(one).toMatchObject(inputs));
const containers = () =>
  all("aws:ecs/taskDefinition:TaskDefinition").map((one) => JSON.parse(one.containerDefinitions)[0]);
const services = () => all("aws:ecs/service:Service");

/** What holds each control of AWS Foundational Security Best Practices that docs/security.md says is kept. */
const CONTROLS: Record<string, () => void> = {
  "ECS.2": () => services().forEach((one) => expect(one.networkConfiguration.assignPublicIp).toBe(false)),
  "ECS.3": () => all("aws:ecs/taskDefinition:TaskDefinition").forEach(({ pidMode }) => expect(pidMode).toBeUndefined()),
  "ECS.4": () => containers().forEach(({ privileged }) => expect(privileged).toBeUndefined()),
  "ECS.5": () => containers().forEach((one) => expect(one.readonlyRootFilesystem).toBe(true)),
  "ECS.8": () =>
    containers().forEach(({ environment }) =>
      environment.forEach(({ name }: { name: string }) => expect(name).not.toMatch(/SECRET|PASSWORD|_KEY$|_URL$/)),
    ),
  "ECS.9": () => containers().forEach((one) => expect(one.logConfiguration.logDriver).toBe("awslogs")),
  "ECS.10": () => services().forEach(({ platformVersion }) => expect(platformVersion).toBeUndefined()), // the newest
  "ECS.12": () => each("aws:ecs/cluster:Cluster", { settings: [{ name: "containerInsights", value: "enabled" }] }),
  "ECS.17": () => each("aws:ecs/taskDefinition:TaskDefinition", { networkMode: "awsvpc" }),
  "ECS.18": () =>
    all("aws:ecs/taskDefinition:TaskDefinition")
      .flatMap(({ volumes }) => volumes)
      .filter(({ efsVolumeConfiguration }) => efsVolumeConfiguration)
      .forEach(({ efsVolumeConfiguration }) =>
        expect(efsVolumeConfiguration).toMatchObject({
          transitEncryption: "ENABLED",
          authorizationConfig: { iam: "ENABLED" },
        }),
      ),
  "ECS.19": () =>
    each("aws:ecs/capacityProvider:CapacityProvider", {
      autoScalingGroupProvider: { managedTerminationProtection: "ENABLED" },
    }),
  "ECS.20": () => containers().forEach((one) => expect(one.user).toBe("10001:10001")),
  "ECR.1": () => each("aws:ecr/repository:Repository", { imageScanningConfiguration: { scanOnPush: true } }),
  "ECR.3": () => expect(all("aws:ecr/lifecyclePolicy:LifecyclePolicy")).toHaveLength(1),
  "ECR.5": () =>
    each("aws:ecr/repository:Repository", { encryptionConfigurations: [{ encryptionType: "KMS", kmsKey: "arn:key" }] }),
  "ElastiCache.1": () =>
    all(REDIS).forEach(({ snapshotRetentionLimit }) => expect(snapshotRetentionLimit).toBeGreaterThan(6)),
  "ElastiCache.3": () => each(REDIS, { automaticFailoverEnabled: true, multiAzEnabled: true }),
  "ElastiCache.4": () => each(REDIS, { atRestEncryptionEnabled: true }),
  "ElastiCache.5": () => each(REDIS, { transitEncryptionEnabled: true }),
  "ElastiCache.6": () =>
    all(REDIS).forEach(({ authToken }) => expect(JSON.stringify(authToken)).toContain("generated-redis-token")),
  "ElastiCache.7": () => each(REDIS, { subnetGroupName: "redis" }),
  "S3.5": () =>
    Object.keys(named("aws:s3/bucket:Bucket")).forEach((bucket) => {
      const { Statement } = JSON.parse(named("aws:s3/bucketPolicy:BucketPolicy")[bucket].policy);
      expect(Statement).toContainEqual(
        expect.objectContaining({ Effect: "Deny", Condition: { Bool: { "aws:SecureTransport": "false" } } }),
      );
    }),
  "S3.8": () => {
    expect(Object.keys(named("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"))).toEqual(
      Object.keys(named("aws:s3/bucket:Bucket")),
    );
    const blocked = {
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    };
    each("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", blocked);
  },
  "S3.13": () => expect(all("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")).toHaveLength(2),
  "ELB.1": () =>
    expect(named("aws:lb/listener:Listener").redirect.defaultActions).toMatchObject([
      { type: "redirect", redirect: { protocol: "HTTPS", statusCode: "HTTP_301" } },
    ]),
  "ELB.4": () => each(BALANCER, { dropInvalidHeaderFields: true }),
  "ELB.5": () => each(BALANCER, { accessLogs: { enabled: true } }),
  "ELB.6": () => each(BALANCER, { enableDeletionProtection: true }),
  "ELB.12": () => each(BALANCER, { desyncMitigationMode: "defensive" }),
  "ELB.13": () => all(BALANCER).forEach(({ subnets }) => expect(subnets).toHaveLength(3)),
  "ELB.16": () => expect(all("aws:wafv2/webAclAssociation:WebAclAssociation")[0].resourceArn).toBe("arn:entry"),
  "ELB.17": () => expect(named("aws:lb/listener:Listener").entry.sslPolicy).toMatch(/TLS13-1-2/),
  "AutoScaling.2": () => all(GROUP).forEach(({ vpcZoneIdentifiers }) => expect(vpcZoneIdentifiers).toHaveLength(3)),
  "AutoScaling.3": () => each(TEMPLATE, { metadataOptions: { httpTokens: "required", httpPutResponseHopLimit: 1 } }),
  "AutoScaling.6": () =>
    all(GROUP).forEach(({ mixedInstancesPolicy }) =>
      expect(mixedInstancesPolicy.launchTemplate.overrides.length).toBeGreaterThan(1),
    ),
  "AutoScaling.9": () =>
    all(GROUP).forEach(({ mixedInstancesPolicy }) =>
      expect(mixedInstancesPolicy.launchTemplate.launchTemplateSpecification.launchTemplateId).toBe("host-id"),
    ),
  "EC2.2": () => each("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", { ingress: [], egress: [] }),
  "EC2.6": () => each("aws:ec2/flowLog:FlowLog", { trafficType: "ALL" }),
  "EC2.10": () =>
    expect(
      all("aws:ec2/vpcEndpoint:VpcEndpoint").map(({ serviceName }) => serviceName.split(".").slice(3).join(".")),
    ).toEqual(expect.arrayContaining(["ecr.api", "ecr.dkr", "logs", "secretsmanager", "s3"])),
  "EC2.15": () =>
    all("aws:ec2/subnet:Subnet").forEach(({ mapPublicIpOnLaunch }) => expect(mapPublicIpOnLaunch).toBeUndefined()),
  "EC2.18": () => {
    const open = all("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule").filter(
      ({ cidrIpv4 }) => cidrIpv4 === "0.0.0.0/0",
    );
    expect(open.map(({ fromPort, toPort }) => [fromPort, toPort]).sort()).toEqual([
      [443, 443],
      [80, 80],
    ]);
  },
  "EC2.25": () => all(TEMPLATE).forEach(({ networkInterfaces }) => expect(networkInterfaces).toBeUndefined()),
  "EC2.3": () =>
    all(TEMPLATE).forEach(({ blockDeviceMappings }) => expect(blockDeviceMappings[0].ebs.encrypted).toBe("true")),
  "SecretsManager.3": () =>
    all("aws:secretsmanager/secret:Secret").forEach(({ name }) => {
      const used = containers().flatMap(({ secrets }) => secrets as { valueFrom: string }[]);
      expect(used.some(({ valueFrom }) => valueFrom.includes(name.split("/").at(-1)))).toBe(true);
    }),
  "WAF.10": () => all("aws:wafv2/webAcl:WebAcl").forEach(({ rules }) => expect(rules.length).toBeGreaterThan(3)),
  "WAF.11": () => expect(all("aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration")).toHaveLength(1),
  "WAF.12": () =>
    all("aws:wafv2/webAcl:WebAcl")
      .flatMap(({ rules }) => rules)
      .forEach(({ visibilityConfig }) => expect(visibilityConfig.cloudwatchMetricsEnabled).toBe(true)),
};

const REDIS = "aws:elasticache/replicationGroup:ReplicationGroup";
const BALANCER = "aws:lb/loadBalancer:LoadBalancer";
const GROUP = "aws:autoscaling/group:Group";
const TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate";

describe("prod keeps", () => {
  it.each(Object.keys(CONTROLS))("%s", (control) => CONTROLS[control]());
});

it("docs/security.md lists these controls, and an exception for no other reason than a given one", () => {
  const page = readFileSync(join(ROOT, "docs", "security.md"), "utf8");
  const [kept, exceptions] = page.split("## Exceptions");
  const ids = (text: string) => [...text.matchAll(/^\| ([A-Za-z0-9]+\.\d+) \|/gm)].map(([, id]) => id);
  expect(ids(kept).sort()).toEqual(Object.keys(CONTROLS).sort());
  for (const row of exceptions.split("\n").filter((line) => /^\| [A-Z]/.test(line))) {
    expect(row.split("|")[3].trim().length, row).toBeGreaterThan(20);
  }
  for (const [, file] of page.matchAll(/\]\((\.\.\/[^)#]+)\)/g)) {
    expect(() => readFileSync(join(ROOT, "docs", file)), file).not.toThrow();
  }
});
