import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "../../stack/root";
import { awsPlatform } from "../harness/aws-platform";
import { byName, type Registered } from "../harness/mocks";
import { statementsOf } from "../harness/policy";
import { FSBP, SERVICES } from "./fsbp";

const BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock";
const REDIS = "aws:elasticache/replicationGroup:ReplicationGroup";
const BALANCER = "aws:lb/loadBalancer:LoadBalancer";
const GROUP = "aws:autoscaling/group:Group";
const TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate";

/** All resources of prod. */
let registered: Registered[];
/** Inputs of all resources of a type. There must be at least one. */
let all: (type: string) => Registered["inputs"][];
/** Inputs of all resources of a type, by name. */
let named: (type: string) => Record<string, Registered["inputs"]>;
beforeAll(async () => {
  const certificateArn = "arn:aws:acm:eu-west-1:1:certificate/1";
  registered = await awsPlatform("prod", { loadBalancer: { certificateArn } });
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

/** The bucket policy statements that allow something. */
const allowed = () =>
  all("aws:s3/bucketPolicy:BucketPolicy")
    .flatMap(({ policy }) => statementsOf(policy))
    .filter(({ Effect }) => Effect === "Allow");

/** The security group rules that allow connections from the internet. */
const open = () => {
  // Rules in the arguments of a security group would not be separate resources.
  all("aws:ec2/securityGroup:SecurityGroup").forEach(({ ingress }) => expect(ingress).toBeUndefined());
  return all("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule").filter(
    ({ cidrIpv4, cidrIpv6 }) => cidrIpv4 === "0.0.0.0/0" || cidrIpv6 === "::/0",
  );
};

/** High-risk ports, from the list of the control. */
const HIGH_RISK = [
  20, 21, 22, 23, 25, 110, 135, 143, 445, 1433, 1434, 3000, 3306, 3389, 4333, 5000, 5432, 5500, 5601, 8080, 8088, 8888,
  9200, 9300,
];

/** The VPC has an interface endpoint for an AWS service. */
const hasEndpoint = (service: string) =>
  expect(all("aws:ec2/vpcEndpoint:VpcEndpoint")).toContainEqual(
    expect.objectContaining({
      serviceName: `com.amazonaws.eu-west-1.${service}`,
      vpcEndpointType: "Interface",
      privateDnsEnabled: true,
    }),
  );

/** A check for each control of AWS Foundational Security Best Practices that docs/security.md lists as met. */
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
  "ECS.10": () => services().forEach(({ platformVersion }) => expect(platformVersion).toBeUndefined()), // the latest
  "ECS.12": () => each("aws:ecs/cluster:Cluster", { settings: [{ name: "containerInsights", value: "enabled" }] }),
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
  "ElastiCache.1": () =>
    all(REDIS).forEach(({ snapshotRetentionLimit }) => expect(snapshotRetentionLimit).toBeGreaterThan(6)),
  "ElastiCache.3": () => each(REDIS, { automaticFailoverEnabled: true, multiAzEnabled: true }),
  "ElastiCache.4": () => each(REDIS, { atRestEncryptionEnabled: true }),
  "ElastiCache.5": () => each(REDIS, { transitEncryptionEnabled: true }),
  "ElastiCache.6": () =>
    all(REDIS).forEach(({ authToken }) => expect(JSON.stringify(authToken)).toContain("generated-redis-token")),
  "ElastiCache.7": () => each(REDIS, { subnetGroupName: "redis-subnets" }),
  "S3.2": () => {
    each(BLOCK, { ignorePublicAcls: true, restrictPublicBuckets: true });
    expect(allowed().filter(({ Action }) => /^s3:(Get|List|\*)/m.test([Action].flat().join("\n")))).toEqual([]);
  },
  "S3.3": () => {
    each(BLOCK, { ignorePublicAcls: true, restrictPublicBuckets: true });
    expect(allowed()).toMatchObject([
      { Principal: { Service: "logdelivery.elasticloadbalancing.amazonaws.com" }, Action: "s3:PutObject" },
    ]);
  },
  "S3.5": () =>
    Object.keys(named("aws:s3/bucket:Bucket")).forEach((bucket) => {
      expect(statementsOf(named("aws:s3/bucketPolicy:BucketPolicy")[bucket].policy)).toContainEqual(
        expect.objectContaining({ Effect: "Deny", Condition: { Bool: { "aws:SecureTransport": "false" } } }),
      );
    }),
  "S3.6": () => allowed().forEach(({ Principal }) => expect(Principal).toEqual({ Service: expect.any(String) })),
  "S3.8": () => {
    expect(Object.keys(named(BLOCK))).toEqual(Object.keys(named("aws:s3/bucket:Bucket")));
    const blocked = {
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    };
    each(BLOCK, blocked);
  },
  "S3.12": () => {
    all("aws:s3/bucket:Bucket").forEach(({ acl, grants }) => expect([acl, grants]).toEqual([undefined, undefined]));
    // Without these resources a new bucket has ACLs disabled, since 2023.
    expect(registered.filter(({ type }) => /:Bucket(Acl|AclV2|OwnershipControls)$/.test(type))).toEqual([]);
  },
  "S3.13": () => expect(all("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")).toHaveLength(2),
  "ELB.1": () =>
    expect(named("aws:lb/listener:Listener")["load-balancer-redirect"].defaultActions).toMatchObject([
      { type: "redirect", redirect: { protocol: "HTTPS", statusCode: "HTTP_301" } },
    ]),
  "ELB.4": () => each(BALANCER, { dropInvalidHeaderFields: true }),
  "ELB.5": () => each(BALANCER, { accessLogs: { enabled: true } }),
  "ELB.6": () => each(BALANCER, { enableDeletionProtection: true }),
  "ELB.12": () => each(BALANCER, { desyncMitigationMode: "defensive" }),
  "ELB.13": () => all(BALANCER).forEach(({ subnets }) => expect(subnets).toHaveLength(3)),
  "ELB.17": () => expect(named("aws:lb/listener:Listener")["load-balancer"].sslPolicy).toMatch(/TLS13-1-(3|2-Res)-/),
  "AutoScaling.2": () => all(GROUP).forEach(({ vpcZoneIdentifiers }) => expect(vpcZoneIdentifiers).toHaveLength(3)),
  "AutoScaling.6": () =>
    all(GROUP).forEach(({ mixedInstancesPolicy }) =>
      expect(mixedInstancesPolicy.launchTemplate.overrides.length).toBeGreaterThan(1),
    ),
  "AutoScaling.9": () =>
    all(GROUP).forEach(({ mixedInstancesPolicy }) =>
      expect(mixedInstancesPolicy.launchTemplate.launchTemplateSpecification.launchTemplateId).toBe("cluster-gpu-id"),
    ),
  "EC2.2": () => each("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", { ingress: [], egress: [] }),
  "EC2.3": () => each(TEMPLATE, { blockDeviceMappings: [{ ebs: { encrypted: "true" } }] }),
  // A warm pool would contain stopped instances, and with a suspended process the group would keep a stopped instance.
  "EC2.4": () =>
    all(GROUP).forEach(({ warmPool, suspendedProcesses }) =>
      expect([warmPool, suspendedProcesses]).toEqual([undefined, undefined]),
    ),
  "EC2.6": () => each("aws:ec2/flowLog:FlowLog", { trafficType: "ALL" }),
  // From a container the metadata service is two hops away.
  "EC2.8": () => each(TEMPLATE, { metadataOptions: { httpTokens: "required", httpPutResponseHopLimit: 1 } }),
  "EC2.9": () =>
    all(GROUP).forEach(({ vpcZoneIdentifiers }) =>
      expect(vpcZoneIdentifiers).toEqual(["network-private-0-id", "network-private-1-id", "network-private-2-id"]),
    ),
  "EC2.15": () =>
    all("aws:ec2/subnet:Subnet").forEach(({ mapPublicIpOnLaunch, assignIpv6AddressOnCreation }) =>
      expect([mapPublicIpOnLaunch, assignIpv6AddressOnCreation]).toEqual([undefined, undefined]),
    ),
  "EC2.18": () =>
    expect(
      open()
        .map(({ fromPort, toPort }) => [fromPort, toPort])
        .sort(),
    ).toEqual([
      [443, 443],
      [80, 80],
    ]),
  "EC2.19": () =>
    open().forEach(({ fromPort, toPort }) =>
      HIGH_RISK.forEach((port) => expect(port < fromPort || port > toPort, String(port)).toBe(true)),
    ),
  "EC2.24": () =>
    all(GROUP)
      .flatMap(({ mixedInstancesPolicy }) => mixedInstancesPolicy.launchTemplate.overrides)
      .forEach(({ instanceType }) => expect(instanceType).not.toMatch(/^(c1|c3|hs1|m1|m2|m3|t1)\./)),
  "EC2.25": () => all(TEMPLATE).forEach(({ networkInterfaces }) => expect(networkInterfaces).toBeUndefined()),
  "EC2.55": () => hasEndpoint("ecr.api"),
  "EC2.56": () => hasEndpoint("ecr.dkr"),
  "EC2.170": () => each(TEMPLATE, { metadataOptions: { httpTokens: "required" } }),
  "EC2.180": () => expect(registered.filter(({ inputs }) => inputs.sourceDestCheck === false)).toEqual([]),
  "EC2.181": () =>
    all(TEMPLATE)
      .flatMap(({ blockDeviceMappings }) => blockDeviceMappings)
      .forEach(({ ebs }) => expect(ebs.encrypted).toBe("true")),
  "SecretsManager.3": () =>
    all("aws:secretsmanager/secret:Secret").forEach(({ name }) => {
      const used = containers().flatMap(({ secrets }) => secrets as { valueFrom: string }[]);
      expect(used.some(({ valueFrom }) => valueFrom.includes(name.split("/").at(-1)))).toBe(true);
    }),
  "WAF.10": () => all("aws:wafv2/webAcl:WebAcl").forEach(({ rules }) => expect(rules.length).toBeGreaterThan(3)),
  "WAF.12": () =>
    all("aws:wafv2/webAcl:WebAcl")
      .flatMap(({ rules }) => rules)
      .forEach(({ visibilityConfig }) => expect(visibilityConfig.cloudwatchMetricsEnabled).toBe(true)),
};

/** A check for each further measure that docs/security.md lists, in its words. */
const FURTHER: Record<string, () => void> = {
  "tasks do not use the network of the instance": () =>
    each("aws:ecs/taskDefinition:TaskDefinition", { networkMode: "awsvpc" }),
  "a customer managed KMS key encrypts images": () =>
    each("aws:ecr/repository:Repository", {
      encryptionConfigurations: [{ encryptionType: "KMS", kmsKey: "arn:kms-key" }],
    }),
  "a customer managed KMS key encrypts logs": () =>
    each("aws:cloudwatch/logGroup:LogGroup", { kmsKeyId: "arn:kms-key" }),
  "the bucket has versioning": () =>
    expect(named("aws:s3/bucketVersioning:BucketVersioning").bucket).toMatchObject({
      versioningConfiguration: { status: "Enabled" },
    }),
  "AWS WAF protects the load balancer": () =>
    expect(all("aws:wafv2/webAclAssociation:WebAclAssociation")[0].resourceArn).toBe("arn:load-balancer"),
  "AWS WAF logs requests": () =>
    expect(all("aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration")).toHaveLength(1),
  "the VPC has endpoints for Secrets Manager and CloudWatch Logs": () =>
    ["secretsmanager", "logs"].forEach(hasEndpoint),
};

/** Controls that docs/security.md lists as not applicable, row by row, and the resources that they apply to. */
const NOT_APPLICABLE: Record<string, RegExp> = {
  "ECS.16": /^aws:ecs\/taskSet:/,
  "ECS.21": /"operatingSystemFamily":"WINDOWS/,
  "S3.19, S3.24, S3.25": /^aws:(s3\/accessPoint|s3control\/multiRegionAccessPoint|s3\/directoryBucket):/,
  "ELB.2, ELB.3, ELB.7, ELB.8, ELB.9, ELB.10, ELB.14": /^aws:elb\//,
  "AutoScaling.3, AutoScaling.5": /^aws:ec2\/launchConfiguration:/,
  "EC2.1": /^aws:ebs\/snapshot(Copy|Import)?:/,
  "EC2.16, EC2.21": /^aws:ec2\/(default)?networkAcl/i,
  "EC2.20, EC2.23, EC2.51, EC2.171, EC2.183": /^aws:(ec2\/vpn|ec2clientvpn\/|ec2transitgateway\/)/,
  "EC2.173": /^aws:ec2\/(spotFleetRequest|fleet):/,
  "SecretsManager.2": /^aws:secretsmanager\/secretRotation:/,
  "WAF.1, WAF.2, WAF.3, WAF.4, WAF.6, WAF.7, WAF.8": /^aws:waf(regional)?\//,
  "S3.1, EC2.7, EC2.182":
    /^aws:(s3\/accountPublicAccessBlock|ebs\/encryptionByDefault|ebs\/snapshotBlockPublicAccess):/,
};

describe("prod meets", () => {
  it.each(Object.keys(CONTROLS))("%s", (control) => CONTROLS[control]());
  it.each(Object.keys(FURTHER))("%s", (measure) => FURTHER[measure]());
});

it.each(Object.entries(NOT_APPLICABLE))("prod has no resource that %s apply to", (_, resource) => {
  const texts = registered.map(({ type, inputs }) => type + JSON.stringify(inputs).replaceAll('\\"', '"'));
  expect(texts.filter((text) => resource.test(text))).toEqual([]);
});

describe("docs/security.md", () => {
  const page = readFileSync(join(ROOT, "docs", "security.md"), "utf8");
  /** The cells of the table of a section, without its header. */
  const rows = (title: string): string[][] => {
    const section = page.split(`\n## ${title}\n`)[1].split("\n## ")[0];
    const lines = section.split("\n").filter((line) => line.startsWith("| "));
    return lines.slice(2).map((line) => line.split(" | ").map((cell) => cell.replace(/^\| | \|$/g, "")));
  };
  const met = rows("AWS Foundational Security Best Practices").map(([id]) => id);
  const exceptions = rows("Exceptions");
  const notApplicable = rows("Not applicable").map(([, ids]) => ids);
  const sorted = (ids: readonly string[]) => [...ids].sort();

  it("lists each control of the standard in exactly one table", () => {
    const listed = [...met, ...exceptions.map(([id]) => id), ...notApplicable.flatMap((ids) => ids.split(", "))];
    expect(sorted(listed)).toEqual(sorted(FSBP));
  });

  it("names no other control", () => {
    const named = page.match(new RegExp(`\\b(${SERVICES.join("|")})\\.\\d+`, "g"))!;
    expect(named.filter((id) => !FSBP.includes(id))).toEqual([]);
  });

  it("lists exactly what the tests check", () => {
    expect(sorted(met)).toEqual(sorted(Object.keys(CONTROLS)));
    expect(notApplicable).toEqual(Object.keys(NOT_APPLICABLE));
    expect(rows("Further measures").map(([measure]) => measure)).toEqual(Object.keys(FURTHER));
  });

  it("has a reason for each exception", () => {
    for (const [id, , reason] of exceptions) expect(reason.length, id).toBeGreaterThan(20);
  });

  it("names the code of each control and measure", () => {
    const code = [...rows("AWS Foundational Security Best Practices"), ...rows("Further measures")];
    for (const row of code) expect(row.at(-1), row[0]).toMatch(/^\[[\w.-]+\]\(\.\.\/stack\/aws\//);
  });

  it("links to files that exist", () => {
    for (const [, file] of page.matchAll(/\]\((\.\.\/[^)#]+)\)/g)) {
      expect(() => readFileSync(join(ROOT, "docs", file)), file).not.toThrow();
    }
  });
});
