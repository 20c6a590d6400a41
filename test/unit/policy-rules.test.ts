import { beforeAll, describe, expect, it } from "vitest";
import type { StackResource } from "../../policy/rule";
import { RULES } from "../../policy/rules";
import { PREVIEW_DIGEST } from "../../stack/images/catalog";
import { findings, recorded } from "../harness/findings";

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Props = Record<string, any>;
type Change = (props: Props, resource: Props) => unknown;

/** A change of our resource of a type that breaks a rule. Without a name, there is only one such resource. */
type Broken = readonly [rule: string, type: string, change: Change, message: string, name?: string];

const TASK = "aws:ecs/taskDefinition:TaskDefinition";
const REDIS = "aws:elasticache/replicationGroup:ReplicationGroup";
const TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate";
const LISTENER = "aws:lb/listener:Listener";
const INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
const BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock";
const ENCRYPTED = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration";
const SECRET = "aws:secretsmanager/secret:Secret";
const BUCKET = "aws:s3/bucket:Bucket";
const LOGS = "aws:cloudwatch/logGroup:LogGroup";
const KEY = "aws:kms/key:Key";
const EFS = "aws:efs/fileSystem:FileSystem";
const REPOSITORY = "aws:ecr/repository:Repository";
const CONTAINER = "docker:index/container:Container";
const LOAD_BALANCER_80 = "security-groups-internet-load-balancer-80";

/** Changes the container of a task definition. */
const container =
  (change: (container: Props) => unknown): Change =>
  (props) => {
    const [definition] = JSON.parse(props.containerDefinitions);
    change(definition);
    props.containerDefinitions = JSON.stringify([definition]);
  };

/** Changes the first statement of a policy. */
const statement =
  (change: Props): Change =>
  (props) => {
    const policy = JSON.parse(props.policy);
    Object.assign(policy.Statement[0], change);
    props.policy = JSON.stringify(policy);
  };

/** Removes an input that depends on the KMS key. */
const withoutKey =
  (input: string): Change =>
  (_, resource) =>
    delete resource.propertyDependencies[input];

const isProtected: Change = (_, resource) => (resource.protect = false);

const BROKEN: readonly Broken[] = [
  [
    "encryption-at-rest",
    TEMPLATE,
    (p) => (p.blockDeviceMappings[0].ebs.encrypted = "false"),
    "EBS volume is not encrypted",
  ],
  ["encryption-at-rest", TEMPLATE, (p) => delete p.blockDeviceMappings, "including the root volume"],
  ["encryption-at-rest", EFS, (p) => delete p.encrypted, "the file system is not encrypted"],
  ["encryption-at-rest", REDIS, (p) => (p.atRestEncryptionEnabled = false), "set atRestEncryptionEnabled"],
  ["encryption-at-rest", ENCRYPTED, (p) => (p.rules = []), "no default encryption", "bucket"],
  ["encryption-at-rest", KEY, (p) => delete p.enableKeyRotation, "set enableKeyRotation"],
  ["encryption-in-transit", REDIS, (p) => (p.transitEncryptionEnabled = false), "set transitEncryptionEnabled"],
  ["encryption-in-transit", REDIS, (p) => (p.transitEncryptionMode = "preferred"), "TLS is optional"],
  ["encryption-in-transit", REDIS, (p) => delete p.authToken, "clients do not authenticate"],
  ["encryption-in-transit", LISTENER, (p) => (p.protocol = "HTTP"), "answers plain HTTP", "load-balancer"],
  [
    "encryption-in-transit",
    LISTENER,
    (p) => (p.defaultActions[0].redirect.protocol = "HTTP"),
    "HTTP",
    "load-balancer-redirect",
  ],
  [
    "encryption-in-transit",
    LISTENER,
    (p) => (p.sslPolicy = "ELBSecurityPolicy-TLS13-1-1-2021-06"),
    "1.2",
    "load-balancer",
  ],
  ["encryption-in-transit", LISTENER, (p) => delete p.sslPolicy, "set sslPolicy", "load-balancer"],
  [
    "encryption-in-transit",
    TASK,
    (p) => (p.volumes[0].efsVolumeConfiguration.transitEncryption = "DISABLED"),
    "mounted without TLS",
    "worker-task-definition",
  ],
  ["customer-managed-key", LOGS, withoutKey("kmsKeyId"), "set kmsKeyId", "api-logs"],
  ["customer-managed-key", REPOSITORY, withoutKey("encryptionConfigurations"), "set encryptionConfigurations"],
  ["customer-managed-key", EFS, withoutKey("kmsKeyId"), "set kmsKeyId"],
  ["customer-managed-key", REDIS, withoutKey("kmsKeyId"), "set kmsKeyId"],
  ["customer-managed-key", SECRET, withoutKey("kmsKeyId"), "set kmsKeyId", "redis-url"],
  ["customer-managed-key", "aws:sns/topic:Topic", withoutKey("kmsMasterKeyId"), "set kmsMasterKeyId"],
  ["no-public-ingress", INGRESS, (p) => (p.toPort = 90), "the internet can reach other ports", LOAD_BALANCER_80],
  ["no-public-ingress", INGRESS, (p) => (p.fromPort = p.toPort = 22), "other ports than 80 and 443", LOAD_BALANCER_80],
  ["no-public-ingress", INGRESS, (p) => (p.ipProtocol = "-1"), "refer to a security group", LOAD_BALANCER_80],
  ["no-public-ingress", INGRESS, (p) => (p.cidrIpv6 = "::/0"), "other ports", "security-groups-load-balancer-api-8000"],
  [
    "no-public-ingress",
    "aws:ec2/securityGroup:SecurityGroup",
    (p) => (p.ingress = [{ cidrBlocks: ["0.0.0.0/0"] }]),
    "use a SecurityGroupIngressRule",
    "security-groups-redis",
  ],
  [
    "no-public-ingress",
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
    (p) => (p.ingress = [{ ipv6CidrBlocks: ["::/0"] }]),
    "use a SecurityGroupIngressRule",
  ],
  [
    "public-load-balancer-only",
    INGRESS,
    (p) => Object.assign(p, { cidrIpv4: "0.0.0.0/0", fromPort: 443, toPort: 443 }),
    "opens api to the internet",
    "security-groups-load-balancer-api-8000",
  ],
  [
    "no-public-address",
    "aws:ecs/service:Service",
    (p) => (p.networkConfiguration.assignPublicIp = true),
    "remove networkConfiguration.assignPublicIp",
    "api",
  ],
  [
    "no-public-address",
    "aws:ec2/subnet:Subnet",
    (p) => (p.mapPublicIpOnLaunch = true),
    "remove mapPublicIpOnLaunch",
    "network-public-0",
  ],
  [
    "no-public-address",
    TEMPLATE,
    (p) => (p.networkInterfaces = [{ associatePublicIpAddress: "true" }]),
    "remove networkInterfaces.0.associatePublicIpAddress",
  ],
  ["no-public-bucket", BLOCK, (p) => delete p.blockPublicAcls, "set blockPublicAcls", "bucket"],
  ["no-public-bucket", BLOCK, (p) => (p.blockPublicPolicy = false), "set blockPublicPolicy", "bucket"],
  ["no-public-bucket", BLOCK, (p) => (p.ignorePublicAcls = false), "set ignorePublicAcls", "bucket"],
  [
    "private-encrypted-buckets",
    "aws:s3/bucketPolicy:BucketPolicy",
    statement({ Effect: "Allow", Principal: { Service: "x" }, Action: "s3:GetBucketLocation", Resource: "b" }),
    "create a BucketPolicy that denies them",
    "bucket",
  ],
  [
    "container-image-digest",
    TASK,
    container((c) => (c.image = "repository:latest")),
    "use REPOSITORY@sha256:",
    "api-task-definition",
  ],
  [
    "container-image-digest",
    TASK,
    container((c) => (c.image = `r@${PREVIEW_DIGEST}`)),
    "placeholder of a preview",
    "api-task-definition",
  ],
  [
    "container-read-only-root",
    TASK,
    container((c) => delete c.readonlyRootFilesystem),
    "set readonlyRootFilesystem",
    "api-task-definition",
  ],
  [
    "container-capabilities",
    TASK,
    container((c) => delete c.linuxParameters),
    "it keeps capabilities",
    "beat-task-definition",
  ],
  [
    "container-capabilities",
    TASK,
    container((c) => (c.linuxParameters.capabilities.add = ["SYS_PTRACE"])),
    "SYS_PTRACE: remove capabilities.add",
    "beat-task-definition",
  ],
  [
    "container-capabilities",
    TASK,
    container((c) => (c.privileged = true)),
    "remove privileged",
    "beat-task-definition",
  ],
  ["container-health-check", TASK, container((c) => delete c.healthCheck), "set healthCheck", "worker-task-definition"],
  ["iam-wildcards", "aws:iam/userPolicy:UserPolicy", statement({ Action: "s3:*" }), "allows s3:* on", "bucket-user"],
  ["iam-wildcards", "aws:iam/rolePolicy:RolePolicy", statement({ Resource: "*" }), "ClientMount on *", "worker-task"],
  ["iam-wildcards", "aws:iam/rolePolicy:RolePolicy", statement({ NotAction: "iam:*" }), "allows * on", "worker-task"],
  ["iam-wildcards", "aws:iam/rolePolicy:RolePolicy", statement({ NotResource: "a" }), "on *", "worker-task"],
  [
    "iam-managed-policies",
    "aws:iam/role:Role",
    (p) => (p.managedPolicyArns = ["arn:aws:iam::aws:policy/AdministratorAccess"]),
    "use a RolePolicy",
    "api-task",
  ],
  [
    "no-public-policy",
    "aws:s3/bucketPolicy:BucketPolicy",
    statement({ Principal: "*", Condition: undefined }),
    "name the principals",
    "load-balancer-access-logs",
  ],
  [
    "imdsv2",
    TEMPLATE,
    (p) => (p.metadataOptions.httpTokens = "optional"),
    "set metadataOptions.httpTokens to required",
  ],
  ["imdsv2", TEMPLATE, (p) => delete p.metadataOptions, "set metadataOptions.httpTokens to required"],
  ["log-retention", LOGS, (p) => delete p.retentionInDays, "set retentionInDays", "api-logs"],
  ["tags", "pulumi:providers:aws", (p) => (p.defaultTags = '{"tags":{"Project":"x"}}'), "set aws:defaultTags"],
  [
    "tags",
    "aws:autoscaling/group:Group",
    (p) => (p.tags[0].propagateAtLaunch = false),
    "instances do not get the tags",
  ],
  ["tags", TEMPLATE, (p) => p.tagSpecifications.pop(), "instances and volumes do not get the tags"],
  ["protected-data", REDIS, isProtected, "loses API keys of customers"],
  ["protected-data", BUCKET, isProtected, "set aws.deletionProtection", "bucket"],
  ["protected-data", EFS, isProtected, "set aws.deletionProtection"],
  ["protected-data", KEY, isProtected, "set aws.deletionProtection"],
  ["protected-data", REPOSITORY, isProtected, "loses all releases"],
  ["protected-data", SECRET, isProtected, "set aws.deletionProtection", "application-api-key-hash-key"],
  [
    "deletion-protection",
    "aws:lb/loadBalancer:LoadBalancer",
    (p) => (p.enableDeletionProtection = false),
    "set aws.deletionProtection",
  ],
  ["deletion-protection", BUCKET, (p) => (p.forceDestroy = true), "deleted together with the bucket", "bucket"],
  ["deletion-protection", SECRET, (p) => (p.recoveryWindowInDays = 0), "cannot be restored for 7 days", "redis-url"],
  ["deletion-protection", KEY, (p) => (p.deletionWindowInDays = 6), "set deletionWindowInDays"],
  ["backups", REDIS, (p) => (p.snapshotRetentionLimit = 1), "set aws.redis.snapshotRetentionDays"],
  ["backups", REDIS, (p) => delete p.finalSnapshotIdentifier, "set finalSnapshotIdentifier"],
  [
    "backups",
    "aws:s3/bucketVersioning:BucketVersioning",
    (p) => (p.versioningConfiguration.status = "Suspended"),
    "set versioningConfiguration.status",
  ],
];

/** Types of resources whose removal breaks a rule. */
const REMOVED: readonly [rule: string, type: string, message: string, bucket: string][] = [
  ["private-encrypted-buckets", BLOCK, "create a BucketPublicAccessBlock", "load-balancer-access-logs"],
  ["private-encrypted-buckets", ENCRYPTED, "create a BucketServerSideEncryptionConfiguration", "bucket"],
  ["private-encrypted-buckets", "aws:s3/bucketPolicy:BucketPolicy", "create a BucketPolicy that denies them", "bucket"],
  ["versioned-buckets", "aws:s3/bucketVersioning:BucketVersioning", "create a BucketVersioning", "bucket"],
];

/** Resources that the program does not create. */
const FOREIGN: readonly [rule: string, type: string, props: Props, message: string][] = [
  ["encryption-at-rest", "aws:ebs/volume:Volume", {}, "the EBS volume is not encrypted"],
  [
    "no-public-ingress",
    "aws:ec2/securityGroupRule:SecurityGroupRule",
    { type: "ingress", cidrBlocks: ["0.0.0.0/0"] },
    "use a SecurityGroupIngressRule",
  ],
  ["no-public-address", "aws:rds/instance:Instance", { publiclyAccessible: true }, "remove publiclyAccessible"],
  ["no-public-bucket", "aws:s3/bucketAcl:BucketAcl", { acl: "public-read" }, "the ACL gives access"],
  ["iam-managed-policies", "aws:iam/rolePolicyAttachment:RolePolicyAttachment", {}, "use a RolePolicy"],
  ["imdsv2", "aws:ec2/instance:Instance", {}, "set metadataOptions.httpTokens to required"],
  ["local-image-digest", CONTAINER, { image: "redis:8" }, "the image redis:8 has no digest"],
  ["local-read-only-root", CONTAINER, { readOnly: false }, "set readOnly"],
  ["local-capabilities", CONTAINER, { capabilities: { drops: [] } }, "set capabilities.drops"],
  ["local-ports", CONTAINER, { ports: [{ external: 80 }] }, "the port 80 is open to the network"],
];

describe("each rule reports a resource that breaks it", () => {
  let prod: StackResource[];
  beforeAll(async () => void (prod = await recorded("prod")));

  const rows = BROKEN.map(([rule, type, change, message, name]) => [rule, type, message, name, change] as const);
  it.each(rows)("%s: %s (%s)", (rule, type, message, name, change) => {
    const ours = prod.filter((one) => one.type === type && (name === undefined || one.name === name));
    expect(ours.map((one) => one.name)).toHaveLength(1);
    const broken = structuredClone(ours[0]);
    change(broken.props, broken);
    const found = findings(
      "prod",
      prod.map((one) => (one === ours[0] ? broken : one)),
    );
    expect(found).toContainEqual({ rule, resource: broken.name, message: expect.stringContaining(message) });
  });

  it.each(REMOVED)("%s: without %s (%s, %s)", (rule, type, message, resource) => {
    const found = findings(
      "prod",
      prod.filter((one) => one.type !== type),
    );
    expect(found).toContainEqual({ rule, resource, message: expect.stringContaining(message) });
  });

  it.each(FOREIGN)("%s: %s with %o (%s)", (rule, type, props, message) => {
    const resource = { urn: "urn", type, name: "foreign", props, protect: false, propertyDependencies: {} };
    const found = findings("prod", [...prod, resource]);
    expect(found).toContainEqual({ rule, resource: "foreign", message: expect.stringContaining(message) });
  });

  it("is in one of the tables above", () => {
    const tested = new Set([...BROKEN, ...REMOVED, ...FOREIGN].map(([rule]) => rule));
    expect([...tested].sort()).toEqual(RULES.map(({ name }) => name).sort());
  });
});
