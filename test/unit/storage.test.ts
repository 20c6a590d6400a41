import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { Bucket } from "../../stack/aws/storage/bucket";
import { KmsKey } from "../../stack/aws/storage/kms-key";
import { ModelVolume } from "../../stack/aws/storage/model-volume";
import { Redis } from "../../stack/aws/storage/redis";
import { lifecycleRules, Repository } from "../../stack/aws/storage/repository";
import { secret } from "../../stack/aws/storage/secret";
import { awsSettingsSchema } from "../../stack/config/aws-schema";
import { IMAGE_UID } from "../../stack/images/user";
import { ROOT } from "../../stack/root";
import { AWS, mockedEngine, observe } from "../harness/mocks";
import { statementsOf } from "../harness/policy";

const KEY = "arn:aws:kms:eu-west-1:1:key/of-the-stack";

const { created, inputsOf, restart } = mockedEngine("dev");

const CONTEXT = { ...AWS, accountId: "1", name: "sf" };

/** Component options that add each protected resource to a list, as type and name. */
const listProtected = (list: string[]) =>
  observe(({ type, name, opts }) => opts.protect && list.push(`${type}::${name}`));

describe("KmsKey", () => {
  const ARGS = { ...CONTEXT, deletionProtection: true };

  it("rotates, has an alias, and can be restored for 30 days", async () => {
    const protectedResources: string[] = [];
    new KmsKey("kms-key", ARGS, listProtected(protectedResources));
    expect((await created("aws:kms/key:Key"))["kms-key"]).toMatchObject({
      enableKeyRotation: true,
      deletionWindowInDays: 30,
    });
    expect(inputsOf("aws:kms/alias:Alias")["kms-key"]).toEqual({ name: "alias/sf", targetKeyId: "kms-key-id" });
    expect(protectedResources).toEqual(["aws:kms/key:Key::kms-key"]);
  });

  it("can be used through IAM policies of the account, and directly only by its logs and alarms", async () => {
    new KmsKey("kms-key", ARGS);
    const { policy } = (await created("aws:kms/key:Key"))["kms-key"];
    const [account, ...services] = statementsOf(policy);
    expect(account).toMatchObject({ Principal: { AWS: "arn:aws:iam::1:root" }, Action: "kms:*" });
    expect(services.map(({ Principal, Condition }) => [Principal, Condition])).toEqual([
      [
        { Service: "logs.eu-west-1.amazonaws.com" },
        { ArnLike: { "kms:EncryptionContext:aws:logs:arn": "arn:aws:logs:eu-west-1:1:log-group:*" } },
      ],
      [
        { Service: "cloudwatch.amazonaws.com" },
        {
          StringEquals: { "aws:SourceAccount": "1" },
          ArnLike: { "aws:SourceArn": "arn:aws:cloudwatch:eu-west-1:1:alarm:*" },
        },
      ],
    ]);
    expect(services.flatMap(({ Action }) => Action).filter((action) => action.includes("*"))).toEqual([]);
    expect(services[1].Action).toEqual(["kms:Decrypt", "kms:GenerateDataKey"]);
  });
});

describe("secret", () => {
  /** Stores a value in an engine that returns a new version and the same ARN for each value, as AWS does. */
  async function store(value: string, args = {}, opts: pulumi.CustomResourceOptions = {}) {
    const inputs: Record<string, unknown>[] = [];
    const newResource: pulumi.runtime.Mocks["newResource"] = (resource) => {
      inputs.push(resource.inputs);
      return { id: resource.name, state: { ...resource.inputs, arn: "arn:secret-AbCdEf", versionId: `of-${value}` } };
    };
    await pulumi.runtime.setMocks({ newResource, call: ({ inputs }) => inputs }, "spatialforge", "dev");
    const stored = secret("key", { name: "key", value, description: "A key", recoveryWindowDays: 30, ...args }, opts);
    const references = await new Promise<string[]>((resolve) => {
      pulumi.all([stored.arn, stored.valueFrom]).apply((all) => resolve(all));
    });
    return { references, inputs };
  }

  it("has a reference with its version for tasks, so that a new value starts new tasks, and an ARN for policies", async () => {
    expect((await store("one")).references).toEqual(["arn:secret-AbCdEf", "arn:secret-AbCdEf:::of-one"]);
    expect((await store("two")).references).toEqual(["arn:secret-AbCdEf", "arn:secret-AbCdEf:::of-two"]);
  });

  it("is encrypted with the given key, and its value is a secret in the state", async () => {
    const { inputs } = await store("one", { kmsKeyArn: KEY });
    expect(inputs[0]).toMatchObject({ name: "spatialforge/dev/key", kmsKeyId: KEY, recoveryWindowInDays: 30 });
    expect(inputs[1].secretString).toMatchObject({ value: "one" }); // a Pulumi secret is an object
  });
});

describe("ModelVolume", () => {
  const ARGS = {
    name: "sf",
    subnetIds: ["a", "b", "c"],
    securityGroupId: "model-volume",
    kmsKeyArn: KEY,
    deletionProtection: false,
  };

  it("is encrypted, has a mount target in each zone, and maps all clients to the user of the images", async () => {
    new ModelVolume("model-volume", ARGS);
    expect((await created("aws:efs/fileSystem:FileSystem"))["model-volume"]).toMatchObject({
      encrypted: true,
      kmsKeyId: KEY,
      throughputMode: "elastic",
    });
    const targets = Object.values(inputsOf("aws:efs/mountTarget:MountTarget"));
    expect(targets.map(({ subnetId, securityGroups }) => [subnetId, securityGroups])).toEqual(
      ARGS.subnetIds.map((subnet) => [subnet, ["model-volume"]]),
    );
    expect(inputsOf("aws:efs/accessPoint:AccessPoint")["model-volume"]).toMatchObject({
      posixUser: { uid: IMAGE_UID, gid: IMAGE_UID },
      rootDirectory: {
        path: "/models",
        creationInfo: { ownerUid: IMAGE_UID, ownerGid: IMAGE_UID, permissions: "0755" },
      },
    });
  });

  it("denies access without TLS, without the access point, or without a mount target, and allows nothing", async () => {
    new ModelVolume("model-volume", ARGS);
    const { policy } = (await created("aws:efs/fileSystemPolicy:FileSystemPolicy"))["model-volume"];
    const statements = statementsOf(policy);
    expect(statements.map(({ Condition }) => Condition)).toEqual([
      { Bool: { "aws:SecureTransport": "false" } },
      { StringNotEquals: { "elasticfilesystem:AccessPointArn": "arn:model-volume" } },
      { Bool: { "elasticfilesystem:AccessedViaMountTarget": "false" } },
    ]);
    for (const { Effect, Principal, Action } of statements) {
      expect([Effect, Principal]).toEqual(["Deny", { AWS: "*" }]);
      expect(Action).toContain("elasticfilesystem:ClientMount");
      expect(Action).toContain("elasticfilesystem:ClientWrite");
      expect(Action).toContain("elasticfilesystem:ClientRootAccess");
    }
  });

  it("belongs to the user that the images run as", () => {
    const read = (...path: string[]) => readFileSync(join(ROOT, "images", ...path), "utf8");
    expect(read("Dockerfile")).toMatch(new RegExp(`^USER ${IMAGE_UID}:${IMAGE_UID}$`, "m"));
    expect(read("build", "os.sh")).toContain(`spatialforge:x:${IMAGE_UID}:${IMAGE_UID}:`);
  });
});

describe("Repository", () => {
  const ARGS = { name: "sf", deletionProtection: false };

  it("has immutable tags, except those of the build cache", async () => {
    new Repository("repository", ARGS);
    expect((await created("aws:ecr/repository:Repository")).repository).toMatchObject({
      name: "sf",
      imageTagMutability: "IMMUTABLE_WITH_EXCLUSION",
      imageTagMutabilityExclusionFilters: [{ filter: "cache-*", filterType: "WILDCARD" }],
      imageScanningConfiguration: { scanOnPush: true },
    });
  });

  it.each([
    [undefined, { encryptionType: "AES256" }],
    [KEY, { encryptionType: "KMS", kmsKey: KEY }],
  ])("with the KMS key %s encrypts its data", async (kmsKeyArn, encryption) => {
    new Repository("repository", { ...ARGS, kmsKeyArn });
    const { encryptionConfigurations } = (await created("aws:ecr/repository:Repository")).repository;
    expect(encryptionConfigurations).toEqual([encryption]);
  });

  it("removes only images without a tag by age: an image with a tag can run", () => {
    expect(lifecycleRules().map(({ selection }) => selection)).toEqual([
      { tagStatus: "untagged", countType: "sinceImagePushed", countUnit: "days", countNumber: 14 },
    ]);
  });
});

describe("Redis", () => {
  const ARGS = {
    ...awsSettingsSchema.parse({}).redis,
    name: "sf",
    subnetIds: ["a", "b"],
    securityGroupId: "redis",
    nodeType: "cache.t4g.small",
    nodes: 1,
    snapshotRetentionDays: 1,
    snapshotName: "",
    deletionProtection: false,
    recoveryWindowDays: 30,
  };
  const GROUP = "aws:elasticache/replicationGroup:ReplicationGroup";
  const PARAMETERS = "aws:elasticache/parameterGroup:ParameterGroup";
  const RANDOM_ID = "random:index/randomString:RandomString";

  it.each([
    [1, false],
    [2, true],
  ])("with %i node(s) has automatic failover: %s", async (nodes, failover) => {
    new Redis("redis", { ...ARGS, nodes, kmsKeyArn: KEY });
    expect((await created(GROUP)).redis).toMatchObject({
      numCacheClusters: nodes,
      automaticFailoverEnabled: failover,
      multiAzEnabled: failover,
      transitEncryptionEnabled: true,
      atRestEncryptionEnabled: true,
      kmsKeyId: KEY,
    });
  });

  it("rejects writes rather than evict a key, and stores its URL as a secret", async () => {
    new Redis("redis", { ...ARGS, kmsKeyArn: KEY });
    const groups = await created(PARAMETERS);
    expect(groups["redis-parameters"].parameters).toEqual([{ name: "maxmemory-policy", value: "noeviction" }]);
    const { secretString } = inputsOf("aws:secretsmanager/secretVersion:SecretVersion")["redis-url"];
    expect(JSON.stringify(secretString)).toContain("ssl_cert_reqs=required");
    expect(inputsOf("aws:secretsmanager/secret:Secret")["redis-url"].kmsKeyId).toBe(KEY);
  });

  it("has a fixed minor version of the engine, a matching family, and maintenance after the daily snapshot", async () => {
    new Redis("redis", ARGS);
    const { redis } = await created(GROUP);
    expect(redis.autoMinorVersionUpgrade).toBe(false);
    const { family } = inputsOf(PARAMETERS)["redis-parameters"];
    expect(family).toBe(`${redis.engine}${redis.engineVersion.split(".")[0]}`);
    expect(redis.maintenanceWindow.split("-")[0].slice(4) > redis.snapshotWindow.split("-")[1]).toBe(true);
  });

  it("has a password of letters and digits, and accepts the old password during a rotation", async () => {
    new Redis("redis", ARGS);
    const { redis } = await created(GROUP);
    expect(redis.authTokenUpdateStrategy).toBe("ROTATE");
    expect(JSON.stringify(redis.authToken)).toContain("generated-redis-token");
    const token = inputsOf("random:index/randomPassword:RandomPassword")["redis-token"];
    expect(token).toMatchObject({ special: false });
    expect(token.length).toBeGreaterThanOrEqual(16);
    expect(token.length).toBeLessThanOrEqual(128);
  });

  it("restores a snapshot to a replication group with a new ID, which is created beside the old one", async () => {
    new Redis("redis", ARGS);
    const empty = (await created(GROUP)).redis;
    expect(empty.snapshotName).toBeUndefined();
    const first = inputsOf(RANDOM_ID)["redis-id"];
    await restart();
    new Redis("redis", { ...ARGS, snapshotName: "monday" });
    expect((await created(GROUP)).redis).toMatchObject({
      snapshotName: "monday",
      replicationGroupId: "sf-generated-redis-id",
    });
    const second = inputsOf(RANDOM_ID)["redis-id"];
    expect([first.keepers, second.keepers]).toEqual([{ snapshot: "" }, { snapshot: "monday" }]); // a change generates a new ID
    expect(second).toMatchObject({ upper: false, special: false }); // AWS allows no other characters in the ID
  });

  it.each([
    [1, undefined],
    [2, "sf-generated-redis-id-final"],
  ])(
    "with a snapshot retention of %i day(s) has the final snapshot %s",
    async (snapshotRetentionDays, finalSnapshot) => {
      new Redis("redis", { ...ARGS, snapshotRetentionDays });
      expect((await created(GROUP)).redis).toMatchObject({ snapshotRetentionLimit: snapshotRetentionDays });
      expect(inputsOf(GROUP).redis.finalSnapshotIdentifier).toBe(finalSnapshot);
    },
  );

  it.each([
    [true, [`${RANDOM_ID}::redis-id`, `${GROUP}::redis`]],
    [false, []],
  ])(
    "with deletion protection (%s) protects no resource that a restore or a new password replaces",
    async (deletionProtection, expected) => {
      const protectedResources: string[] = [];
      new Redis("redis", { ...ARGS, deletionProtection }, listProtected(protectedResources));
      await pulumi.runtime.disconnect();
      expect(protectedResources).toEqual(expected);
    },
  );
});

describe("Bucket", () => {
  const ARGS = {
    ...awsSettingsSchema.parse({}).bucket,
    ...CONTEXT,
    expirationDays: 7,
    deletionProtection: false,
    accessKeyVersion: 1,
    deletedAccessKeyVersion: 0,
    corsOrigins: [],
    recoveryWindowDays: 30,
  };

  it("is private, versioned, and requires TLS", async () => {
    new Bucket("bucket", ARGS);
    const [access] = Object.values(await created("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"));
    expect(access).toMatchObject({
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    });
    const [versioning] = Object.values(inputsOf("aws:s3/bucketVersioning:BucketVersioning"));
    expect(versioning.versioningConfiguration).toEqual({ status: "Enabled" });
    const [policy] = Object.values(inputsOf("aws:s3/bucketPolicy:BucketPolicy"));
    expect(statementsOf(policy.policy)).toEqual([
      expect.objectContaining({ Effect: "Deny", Condition: { Bool: { "aws:SecureTransport": "false" } } }),
    ]);
  });

  it.each([
    [undefined, { applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }],
    [
      KEY,
      {
        applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: KEY },
        bucketKeyEnabled: true,
      },
    ],
  ])("with the KMS key %s encrypts its data", async (kmsKeyArn, rule) => {
    new Bucket("bucket", { ...ARGS, kmsKeyArn });
    const type = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration";
    expect((await created(type)).bucket.rules).toEqual([rule]);
    const secrets = Object.values(inputsOf("aws:secretsmanager/secret:Secret"));
    expect(secrets.map(({ kmsKeyId }) => kmsKeyId)).toEqual([kmsKeyArn, kmsKeyArn]);
  });

  it("has a user that can use only this bucket", async () => {
    new Bucket("bucket", ARGS);
    const [{ policy }] = Object.values(await created("aws:iam/userPolicy:UserPolicy"));
    const statements = statementsOf(policy);
    expect(statements.map(({ Resource }) => Resource)).toEqual(["arn:bucket", "arn:bucket/*"]);
    expect(statements.flatMap(({ Action }) => Action).filter((action) => action.includes("*"))).toEqual([]);
  });

  it("has a user that can use the KMS key of the stack, but only through S3", async () => {
    new Bucket("bucket", { ...ARGS, kmsKeyArn: KEY });
    const [{ policy }] = Object.values(await created("aws:iam/userPolicy:UserPolicy"));
    expect(statementsOf(policy)[2]).toEqual({
      Effect: "Allow",
      Action: ["kms:Decrypt", "kms:GenerateDataKey"],
      Resource: KEY,
      Condition: { StringEquals: { "kms:ViaService": "s3.eu-west-1.amazonaws.com" } },
    });
  });

  it.each([
    ["at first", 1, 0, ["bucket-access-key-1"]],
    ["when a rotation starts", 2, 0, ["bucket-access-key-1", "bucket-access-key-2"]],
    ["when the rotation ends", 2, 1, ["bucket-access-key-2"]],
    ["when the next rotation starts", 3, 1, ["bucket-access-key-2", "bucket-access-key-3"]],
  ])("%s (version %i, deleted %i) has the access keys %j", async (_, newest, deletedAccessKeyVersion, keys) => {
    new Bucket("bucket", { ...ARGS, accessKeyVersion: newest, deletedAccessKeyVersion });
    expect(Object.keys(await created("aws:iam/accessKey:AccessKey")).sort()).toEqual(keys);
    const { secretString } = inputsOf("aws:secretsmanager/secretVersion:SecretVersion")["bucket-objects-access-key"];
    expect(JSON.stringify(secretString)).toContain(`bucket-access-key-${newest}-id`); // tasks use the newest key
  });

  it.each([0, -1, 1.5])("rejects the access key version %d", async (accessKeyVersion) => {
    const create = () => new Bucket("bucket", { ...ARGS, accessKeyVersion });
    expect(create).toThrow(`invalid access key version: ${accessKeyVersion}`);
    await pulumi.runtime.disconnect();
  });

  it("refuses to delete the access key that tasks use", async () => {
    const create = () => new Bucket("bucket", { ...ARGS, deletedAccessKeyVersion: 1 });
    expect(create).toThrow("no access key is left: version 1 is deleted too");
    await pulumi.runtime.disconnect();
  });

  it("can be read by web pages of the given origins only", async () => {
    const type = "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration";
    new Bucket("bucket", ARGS);
    expect(await created(type)).toEqual({});
    await restart();
    new Bucket("bucket", { ...ARGS, corsOrigins: ["https://app.example.org"] });
    expect((await created(type)).bucket.corsRules).toEqual([
      { allowedMethods: ["GET", "HEAD"], allowedOrigins: ["https://app.example.org"], maxAgeSeconds: 3600 },
    ]);
  });

  it.each([
    [true, ["aws:s3/bucket:Bucket::bucket"], false],
    [false, [], true],
  ])(
    "with deletion protection (%s) protects only the bucket itself",
    async (deletionProtection, expected, forceDestroy) => {
      const protectedResources: string[] = [];
      new Bucket("bucket", { ...ARGS, deletionProtection }, listProtected(protectedResources));
      expect((await created("aws:s3/bucket:Bucket")).bucket).toEqual({ forceDestroy });
      expect(protectedResources).toEqual(expected);
    },
  );
});
