import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { Bucket } from "../../stack/aws/bucket";
import { Key } from "../../stack/aws/key";
import { Models } from "../../stack/aws/models";
import { Redis } from "../../stack/aws/redis";
import { lifecycleRules, Repository } from "../../stack/aws/repository";
import { secret } from "../../stack/aws/secret";
import { IMAGE_UID } from "../../stack/images/user";
import { ROOT } from "../../stack/root";
import { mockedEngine, watching } from "../harness/mocks";
import { statementsOf } from "../harness/policy";

const KEY = "arn:aws:kms:eu-west-1:1:key/own";

const { made, of, start } = mockedEngine("dev");

/** Options of a component that note which resources in it are protected, by type and name. */
const noting = (found: string[]) => watching(({ type, name, opts }) => opts.protect && found.push(`${type}::${name}`));

describe("Key", () => {
  const ARGS = { account: "1", region: "eu-west-1", protect: true };

  it("rotates, has an alias, and can be had back for 30 days", async () => {
    const found: string[] = [];
    new Key("sf-prod", ARGS, noting(found));
    expect((await made("aws:kms/key:Key")).key).toMatchObject({ enableKeyRotation: true, deletionWindowInDays: 30 });
    expect(of("aws:kms/alias:Alias").key).toEqual({ name: "alias/sf-prod", targetKeyId: "key-id" });
    expect(found).toEqual(["aws:kms/key:Key::key"]);
  });

  it("is the account's to give; beside it only logs and alarms of this account use it, by named actions", async () => {
    new Key("sf-prod", ARGS);
    const [account, ...services] = statementsOf((await made("aws:kms/key:Key")).key.policy);
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

describe("a secret", () => {
  /** An engine that, as AWS does, gives each new value another version under the secret's own ARN. */
  async function stored(value: string, args = {}, opts: pulumi.CustomResourceOptions = {}) {
    const inputs: Record<string, unknown>[] = [];
    await pulumi.runtime.setMocks({
      newResource: (resource) => {
        inputs.push(resource.inputs);
        return { id: resource.name, state: { ...resource.inputs, arn: "arn:secret-AbCdEf", versionId: `of-${value}` } };
      },
      call: ({ inputs }) => inputs,
    });
    const made = secret("key", { value, description: "A key", recoveryDays: 30, ...args }, opts);
    const named = await new Promise<string[]>((resolve) => {
      pulumi.all([made.arn, made.valueFrom]).apply((all) => resolve(all));
    });
    return { named, inputs };
  }

  it("is named for a task with its version, so that a new value is a new task, and for a policy without", async () => {
    expect((await stored("one")).named).toEqual(["arn:secret-AbCdEf", "arn:secret-AbCdEf:::of-one"]);
    expect((await stored("two")).named).toEqual(["arn:secret-AbCdEf", "arn:secret-AbCdEf:::of-two"]);
  });

  it("has the stack's own key where there is one, and its value as a secret", async () => {
    const { inputs } = await stored("one", { kmsKeyArn: KEY });
    expect(inputs[0]).toMatchObject({ kmsKeyId: KEY, recoveryWindowInDays: 30 });
    expect(inputs[1].secretString).toMatchObject({ value: "one" }); // wrapped: not plain in the state
  });
});

describe("Models", () => {
  const ARGS = { subnetIds: ["a", "b", "c"], securityGroupId: "models", kmsKeyArn: KEY };

  it("is an encrypted volume in each zone, whose every client is the images' user", async () => {
    new Models("sf", ARGS);
    expect((await made("aws:efs/fileSystem:FileSystem")).models).toMatchObject({
      encrypted: true,
      kmsKeyId: KEY,
      throughputMode: "elastic",
    });
    const targets = Object.values(of("aws:efs/mountTarget:MountTarget"));
    expect(targets.map(({ subnetId, securityGroups }) => [subnetId, securityGroups])).toEqual(
      ARGS.subnetIds.map((subnet) => [subnet, ["models"]]),
    );
    expect(of("aws:efs/accessPoint:AccessPoint").models).toMatchObject({
      posixUser: { uid: IMAGE_UID, gid: IMAGE_UID },
      rootDirectory: {
        path: "/models",
        creationInfo: { ownerUid: IMAGE_UID, ownerGid: IMAGE_UID, permissions: "0755" },
      },
    });
  });

  it("refuses who comes without TLS, past the access point or past a mount target, and allows nobody by itself", async () => {
    new Models("sf", ARGS);
    const { policy } = (await made("aws:efs/fileSystemPolicy:FileSystemPolicy")).models;
    const statements = statementsOf(policy);
    expect(statements.map(({ Condition }) => Condition)).toEqual([
      { Bool: { "aws:SecureTransport": "false" } },
      { StringNotEquals: { "elasticfilesystem:AccessPointArn": "arn:models" } },
      { Bool: { "elasticfilesystem:AccessedViaMountTarget": "false" } },
    ]);
    for (const { Effect, Principal, Action } of statements) {
      expect([Effect, Principal]).toEqual(["Deny", { AWS: "*" }]);
      expect(Action).toContain("elasticfilesystem:ClientMount");
      expect(Action).toContain("elasticfilesystem:ClientWrite");
      expect(Action).toContain("elasticfilesystem:ClientRootAccess");
    }
  });

  it("names the user that the images run as", () => {
    const read = (...path: string[]) => readFileSync(join(ROOT, "images", ...path), "utf8");
    expect(read("Dockerfile")).toMatch(new RegExp(`^USER ${IMAGE_UID}:${IMAGE_UID}$`, "m"));
    expect(read("build", "os.sh")).toContain(`spatialforge:x:${IMAGE_UID}:${IMAGE_UID}:`);
  });
});

describe("Repository", () => {
  it("has tags that do not move, but those of the cache", async () => {
    new Repository("sf", { releases: 10, days: 14 });
    expect((await made("aws:ecr/repository:Repository")).repository).toMatchObject({
      imageTagMutability: "IMMUTABLE_WITH_EXCLUSION",
      imageTagMutabilityExclusionFilters: [{ filter: "cache-*", filterType: "WILDCARD" }],
      imageScanningConfiguration: { scanOnPush: true },
    });
  });

  it.each([
    [undefined, { encryptionType: "AES256" }],
    [KEY, { encryptionType: "KMS", kmsKey: KEY }],
  ])("is encrypted with the key %s", async (kmsKeyArn, encryption) => {
    new Repository("sf", { releases: 10, days: 14, kmsKeyArn });
    expect((await made("aws:ecr/repository:Repository")).repository.encryptionConfigurations).toEqual([encryption]);
  });

  it("keeps three images of each release, and removes only what has no tag by its age", () => {
    const [cache, release, rest] = lifecycleRules({ releases: 10, days: 14 });
    expect(cache.selection).toMatchObject({ tagPatternList: ["cache-*"], countNumber: 3 });
    expect(release.selection).toMatchObject({ tagPatternList: ["release-*"], countNumber: 30 });
    expect(rest.selection).toEqual({
      tagStatus: "untagged",
      countType: "sinceImagePushed",
      countUnit: "days",
      countNumber: 14,
    });
  });
});

describe("Redis", () => {
  const ARGS = {
    subnetIds: ["a", "b"],
    securityGroupId: "redis",
    nodeType: "cache.t4g.small",
    nodes: 1,
    snapshotDays: 1,
    snapshot: "",
    protect: false,
    recoveryDays: 30,
  };
  const GROUP = "aws:elasticache/replicationGroup:ReplicationGroup";

  it.each([
    [1, false],
    [2, true],
  ])("with %i node(s) fails over: %s", async (nodes, failover) => {
    new Redis("sf", { ...ARGS, nodes, kmsKeyArn: KEY });
    expect((await made(GROUP)).redis).toMatchObject({
      numCacheClusters: nodes,
      automaticFailoverEnabled: failover,
      multiAzEnabled: failover,
      transitEncryptionEnabled: true,
      atRestEncryptionEnabled: true,
      kmsKeyId: KEY,
    });
  });

  it("refuses writes rather than evict a key, and keeps its URL as a secret", async () => {
    new Redis("sf", { ...ARGS, kmsKeyArn: KEY });
    const groups = await made("aws:elasticache/parameterGroup:ParameterGroup");
    expect(groups.redis.parameters).toEqual([{ name: "maxmemory-policy", value: "noeviction" }]);
    const { secretString } = of("aws:secretsmanager/secretVersion:SecretVersion")["redis-url"];
    expect(JSON.stringify(secretString)).toContain("ssl_cert_reqs=required");
    expect(of("aws:secretsmanager/secret:Secret")["redis-url"].kmsKeyId).toBe(KEY);
  });

  it("changes its engine's minor version only by the program, whose family fits; upkeep comes after the snapshot", async () => {
    new Redis("sf", ARGS);
    const { redis } = await made(GROUP);
    expect(redis.autoMinorVersionUpgrade).toBe(false);
    const { family } = of("aws:elasticache/parameterGroup:ParameterGroup").redis;
    expect(family).toBe(`${redis.engine}${redis.engineVersion.split(".")[0]}`);
    expect(redis.maintenanceWindow.split("-")[0].slice(4) > redis.snapshotWindow.split("-")[1]).toBe(true);
  });

  it("has a password of letters and digits; while tasks move to a new one the old one is valid too", async () => {
    new Redis("sf", ARGS);
    const { redis } = await made(GROUP);
    expect(redis.authTokenUpdateStrategy).toBe("ROTATE");
    expect(JSON.stringify(redis.authToken)).toContain("generated-redis-token");
    const token = of("random:index/randomPassword:RandomPassword")["redis-token"];
    expect(token).toMatchObject({ special: false });
    expect(token.length).toBeGreaterThanOrEqual(16);
    expect(token.length).toBeLessThanOrEqual(128);
  });

  it("starts empty; with a snapshot it starts with that, under another name, so that it can start beside the old one", async () => {
    new Redis("sf", ARGS);
    const empty = (await made(GROUP)).redis;
    expect(empty.snapshotName).toBeUndefined();
    const life = "random:index/randomString:RandomString";
    const first = of(life).redis;
    await start();
    new Redis("sf", { ...ARGS, snapshot: "monday" });
    expect((await made(GROUP)).redis).toMatchObject({
      snapshotName: "monday",
      replicationGroupId: "sf-generated-redis",
    });
    const second = of(life).redis;
    expect([first.keepers, second.keepers]).toEqual([{ snapshot: "" }, { snapshot: "monday" }]); // so the name is drawn anew
    expect(second).toMatchObject({ upper: false, special: false }); // as a group's name has to be
  });

  it.each([
    [1, undefined],
    [2, "sf-generated-redis-final"],
  ])("with %i day(s) of snapshots leaves as its last one: %s", async (snapshotDays, last) => {
    new Redis("sf", { ...ARGS, snapshotDays });
    expect((await made(GROUP)).redis).toMatchObject({ snapshotRetentionLimit: snapshotDays });
    expect(of(GROUP).redis.finalSnapshotIdentifier).toBe(last);
  });

  it.each([
    [true, ["random:index/randomString:RandomString::redis", `${GROUP}::redis`]],
    [false, []],
  ])("protected (%s): %j, and not what a restore or a new password replaces", async (protect, expected) => {
    const found: string[] = [];
    new Redis("sf", { ...ARGS, protect }, noting(found));
    await pulumi.runtime.disconnect();
    expect(found).toEqual(expected);
  });
});

describe("Bucket", () => {
  const ARGS = {
    days: 7,
    protect: false,
    keySerial: 1,
    endedSerial: 0,
    corsOrigins: [],
    recoveryDays: 30,
  };

  it("is private, versioned, and reached by TLS only", async () => {
    new Bucket("sf", ARGS);
    const [access] = Object.values(await made("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"));
    expect(access).toMatchObject({
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    });
    const [versioning] = Object.values(of("aws:s3/bucketVersioning:BucketVersioning"));
    expect(versioning.versioningConfiguration).toEqual({ status: "Enabled" });
    const [policy] = Object.values(of("aws:s3/bucketPolicy:BucketPolicy"));
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
  ])("is encrypted with the key %s", async (kmsKeyArn, rule) => {
    new Bucket("sf", { ...ARGS, kmsKeyArn });
    const type = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration";
    expect((await made(type)).objects.rules).toEqual([rule]);
    const secrets = Object.values(of("aws:secretsmanager/secret:Secret"));
    expect(secrets.map(({ kmsKeyId }) => kmsKeyId)).toEqual([kmsKeyArn, kmsKeyArn]);
  });

  it("has a user who may use it and nothing else", async () => {
    new Bucket("sf", ARGS);
    const [{ policy }] = Object.values(await made("aws:iam/userPolicy:UserPolicy"));
    const statements = statementsOf(policy);
    expect(statements.map(({ Resource }) => Resource)).toEqual(["arn:objects", "arn:objects/*"]);
    expect(statements.flatMap(({ Action }) => Action).filter((action) => action.includes("*"))).toEqual([]);
  });

  it("lets its user use the stack's own key, through S3 only", async () => {
    new Bucket("sf", { ...ARGS, kmsKeyArn: KEY });
    const [{ policy }] = Object.values(await made("aws:iam/userPolicy:UserPolicy"));
    expect(statementsOf(policy)[2]).toEqual({
      Effect: "Allow",
      Action: ["kms:Decrypt", "kms:GenerateDataKey"],
      Resource: KEY,
      Condition: { StringEquals: { "kms:ViaService": "s3.eu-west-1.amazonaws.com" } },
    });
  });

  it.each([
    ["at the start", 1, 0, ["objects-1"]],
    ["while a new key comes in", 2, 0, ["objects-1", "objects-2"]],
    ["a day later", 2, 1, ["objects-2"]],
    ["at the next turn", 3, 1, ["objects-2", "objects-3"]],
  ])("has %s (serial %i, ended %i) the keys %j", async (_, keySerial, endedSerial, keys) => {
    new Bucket("sf", { ...ARGS, keySerial, endedSerial });
    expect(Object.keys(await made("aws:iam/accessKey:AccessKey")).sort()).toEqual(keys);
    const { secretString } = of("aws:secretsmanager/secretVersion:SecretVersion")["objects-access-key"];
    expect(JSON.stringify(secretString)).toContain(`objects-${keySerial}-id`); // tasks get the newest
  });

  it.each([0, -1, 1.5])("refuses the serial %d", async (keySerial) => {
    expect(() => new Bucket("sf", { ...ARGS, keySerial })).toThrow(`no serial of a key: ${keySerial}`);
    await pulumi.runtime.disconnect();
  });

  it("refuses to end the key that tasks get", async () => {
    expect(() => new Bucket("sf", { ...ARGS, endedSerial: 1 })).toThrow("no key is left: 1 is ended too");
    await pulumi.runtime.disconnect();
  });

  it("is read by the pages that are named, and by no other", async () => {
    const type = "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration";
    new Bucket("sf", ARGS);
    expect(await made(type)).toEqual({});
    await start();
    new Bucket("sf", { ...ARGS, corsOrigins: ["https://app.example.org"] });
    expect((await made(type)).objects.corsRules).toEqual([
      { allowedMethods: ["GET", "HEAD"], allowedOrigins: ["https://app.example.org"], maxAgeSeconds: 3600 },
    ]);
  });

  it.each([
    [true, ["aws:s3/bucket:Bucket::objects"], false],
    [false, [], true],
  ])("protected (%s): %j; goes with what is in it: %s", async (protect, expected, forceDestroy) => {
    const found: string[] = [];
    new Bucket("sf", { ...ARGS, protect }, noting(found));
    expect((await made("aws:s3/bucket:Bucket")).objects).toEqual({ forceDestroy });
    expect(found).toEqual(expected);
  });
});
