import { meets, type Requirement, type Rule, type StackResource } from "../rule";
import { at, isOneOf, isSet, isTrue, list, shown, UNKNOWN } from "../values";

const KMS_KEY = "aws:kms/key:Key";

const encryptedVolumes: Requirement = [
  ({ blockDeviceMappings }) =>
    blockDeviceMappings === UNKNOWN ||
    (list(blockDeviceMappings).length > 0 &&
      list(blockDeviceMappings).every((one) => isTrue(at(one, "ebs.encrypted")))),
  "an EBS volume is not encrypted: set ebs.encrypted in each of blockDeviceMappings, including the root volume",
];

const AT_REST = meets({
  "aws:ec2/launchTemplate:LaunchTemplate": [encryptedVolumes],
  "aws:ebs/volume:Volume": [[({ encrypted }) => isTrue(encrypted), "the EBS volume is not encrypted: set encrypted"]],
  "aws:efs/fileSystem:FileSystem": [
    [({ encrypted }) => isTrue(encrypted), "the file system is not encrypted: set encrypted"],
  ],
  "aws:elasticache/replicationGroup:ReplicationGroup": [
    [
      ({ atRestEncryptionEnabled }) => isTrue(atRestEncryptionEnabled),
      "data and snapshots are not encrypted: set atRestEncryptionEnabled",
    ],
  ],
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": [
    [
      ({ rules }) =>
        rules === UNKNOWN ||
        list(rules).some((one) => isSet(at(one, "applyServerSideEncryptionByDefault.sseAlgorithm"))),
      "objects have no default encryption: set applyServerSideEncryptionByDefault",
    ],
  ],
  [KMS_KEY]: [[({ enableKeyRotation }) => isTrue(enableKeyRotation), "the key is not rotated: set enableKeyRotation"]],
});

/** Security policies of listeners that accept only TLS 1.2 and later. https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html */
const TLS_1_2 = /-(TLS13-1-[23]|TLS-1-2|FS-1-2)-/;

const redirectsToHttps = (actions: unknown): boolean =>
  actions === UNKNOWN ||
  (list(actions).length > 0 && list(actions).every((action) => isOneOf(at(action, "redirect.protocol"), "HTTPS")));

const IN_TRANSIT = meets({
  "aws:elasticache/replicationGroup:ReplicationGroup": [
    [({ transitEncryptionEnabled }) => isTrue(transitEncryptionEnabled), "TLS is off: set transitEncryptionEnabled"],
    [
      ({ transitEncryptionMode }) => transitEncryptionMode !== "preferred",
      "TLS is optional: set transitEncryptionMode to required",
    ],
    [
      ({ authToken, userGroupIds }) => isSet(authToken) || isSet(userGroupIds),
      "clients do not authenticate: set authToken",
    ],
  ],
  "aws:lb/listener:Listener": [
    [
      ({ protocol, defaultActions }) => isOneOf(protocol, "HTTPS", "TLS") || redirectsToHttps(defaultActions),
      "the listener answers plain HTTP: set aws.loadBalancer.certificateArn, or domainName and hostedZoneId",
    ],
    [
      ({ protocol, sslPolicy }) =>
        !["HTTPS", "TLS"].includes(protocol as string) || sslPolicy === UNKNOWN || TLS_1_2.test(shown(sslPolicy)),
      "the listener accepts TLS versions before 1.2: set sslPolicy to a policy for TLS 1.2 and later",
    ],
  ],
  "aws:ecs/taskDefinition:TaskDefinition": [
    [
      ({ volumes }) =>
        list(volumes).every((volume) => {
          const efs = at(volume, "efsVolumeConfiguration");
          return !isSet(efs) || isOneOf(at(efs, "transitEncryption"), "ENABLED");
        }),
      "an EFS volume is mounted without TLS: set efsVolumeConfiguration.transitEncryption to ENABLED",
    ],
  ],
});

/** The input of each type that names the KMS key of its data. */
const KEY_INPUT: Readonly<Record<string, string>> = {
  "aws:cloudwatch/logGroup:LogGroup": "kmsKeyId",
  "aws:ecr/repository:Repository": "encryptionConfigurations",
  "aws:efs/fileSystem:FileSystem": "kmsKeyId",
  "aws:elasticache/replicationGroup:ReplicationGroup": "kmsKeyId",
  "aws:secretsmanager/secret:Secret": "kmsKeyId",
  "aws:sns/topic:Topic": "kmsMasterKeyId",
};

/** The resources that a KMS key of their stack could encrypt, and does not. It reads no values, because AWS fills in a default key. */
function withoutKey(resources: readonly StackResource[]): StackResource[] {
  const keys = resources.filter(({ type }) => type === KMS_KEY).map(({ urn }) => urn);
  if (!keys.length) return [];
  return resources
    .filter(({ type }) => type in KEY_INPUT)
    .filter(({ type, propertyDependencies }) => {
      const dependencies = propertyDependencies[KEY_INPUT[type]] ?? [];
      return !dependencies.some((urn) => keys.includes(urn));
    });
}

export const ENCRYPTION: readonly Rule[] = [
  {
    name: "encryption-at-rest",
    description: "Volumes, files, objects, and data of Redis are encrypted.",
    check: AT_REST,
  },
  {
    name: "encryption-in-transit",
    description: "Redis, the load balancer, and EFS volumes require TLS 1.2 or later.",
    check: IN_TRANSIT,
  },
  {
    name: "customer-managed-key",
    description: "If a stack has a KMS key, the key encrypts all data that it can encrypt.",
    checkStack: (resources) =>
      withoutKey(resources).map((resource) => ({
        resource,
        message: `the KMS key of the stack does not encrypt it: set ${KEY_INPUT[resource.type]}`,
      })),
  },
];
