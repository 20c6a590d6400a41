import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { images as imagesOf } from "../images/source";
import { password } from "../password";
import type { Digests } from "../release/record";
import type { Inputs } from "../settings/read";
import { Alarms } from "./alarms";
import { Bucket } from "./bucket";
import { Cluster } from "./cluster";
import { Entry } from "./entry";
import { API_PORT, Firewall } from "./firewall";
import type { GpuTypeName } from "./gpu-types";
import { Key } from "./key";
import { beatEnv } from "./metrics";
import { Models } from "./models";
import { stackName } from "./name";
import { Network } from "./network";
import { Redis } from "./redis";
import { Repository } from "./repository";
import { roles } from "./role-table";
import { Rollout } from "./rollout/rollout";
import { Scaling } from "./scaling";
import { secret, type Secret } from "./secret";
import { Service } from "./service";

/** Everything on AWS: network, registry, images, data, GPU hosts, entry and the application as ECS services. */
export class AwsPlatform extends pulumi.ComponentResource {
  readonly url: pulumi.Output<string>;
  readonly images: pulumi.Output<Digests>;
  readonly release: pulumi.Output<string>;

  constructor(name: string, inputs: Inputs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Platform", name, {}, opts);
    const child = { parent: this };
    const { settings } = inputs;
    const { aws: on } = settings;
    const own = stackName();
    const place = {
      account: aws.getCallerIdentityOutput({}, child).accountId,
      region: aws.getRegionOutput({}, child).name,
    };
    const { protect } = on;
    const recoveryDays = protect ? 30 : 0;
    const kmsKeyArn = on.kms ? new Key(own, { ...place, protect }, child).arn : undefined;
    const common = { protect, recoveryDays, kmsKeyArn };

    const network = new Network(own, on.network, child);
    const { groups } = new Firewall(own, network.vpc.id, child);
    const privateSubnets = network.privateSubnets.map(({ id }) => id);
    const store = new Repository(own, { releases: on.releases, days: UNRELEASED_DAYS, kmsKeyArn }, child);
    const { origin, images } = imagesOf(inputs, { repository: store.url, credentials: store.credentials }, child);
    const redis = new Redis(
      own,
      { ...on.redis, ...common, subnetIds: privateSubnets, securityGroupId: groups.redis.id },
      child,
    );
    const bucket = new Bucket(own, { ...on.objects, ...common }, child);
    const models = new Models(own, { subnetIds: privateSubnets, securityGroupId: groups.models.id, kmsKeyArn }, child);
    const cluster = new Cluster(
      own,
      {
        ...on.gpu,
        types: on.gpu.types as GpuTypeName[],
        subnetIds: privateSubnets,
        securityGroupId: groups.hosts.id,
        exec: on.exec,
        logDays: on.logDays,
        kmsKeyArn,
      },
      child,
    );
    const entry = new Entry(
      own,
      {
        ...on.entry,
        certificateArn: on.entry.certificateArn || undefined,
        publicPaths: on.entry.publicPaths ?? ["/"],
        vpcId: network.vpc.id,
        subnetIds: network.publicSubnets.map(({ id }) => id),
        securityGroupId: groups.entry.id,
        port: API_PORT,
        protect,
      },
      child,
    );

    const secrets = {
      API_KEY_SECRET: appSecret("api-key-secret", "Hashes every API key: it never changes", common, child),
      ADMIN_API_KEY: appSecret("admin-api-key", "Key of the administration", common, child),
      REDIS_URL: redis.url,
      MINIO_ACCESS_KEY: bucket.accessKey,
      MINIO_SECRET_KEY: bucket.secretKey,
    };
    const env = {
      ...settings.env,
      MINIO_ENDPOINT: pulumi.interpolate`s3.${place.region}.amazonaws.com`,
      MINIO_BUCKET: bucket.name,
      MINIO_SECURE: "true",
      TINI_SUBREAPER: "1", // ECS's own init is process 1
    };
    const services = Object.fromEntries(
      roles(on).map((role) => {
        const service = new Service(
          role.name,
          {
            ...role,
            ...place,
            cluster: cluster.cluster,
            image: images.apply((all) => all[role.image]),
            repositoryArn: store.arn,
            command: [role.name],
            gpu: role.onGpu ? cluster.gpu : undefined,
            env: { ...env, ...role.env, ...(role.name === "beat" ? beatEnv() : {}) },
            secrets,
            subnetIds: privateSubnets,
            securityGroupId: groups[role.name].id,
            balanced: role.balanced ? { targetGroupArn: entry.targetGroup.arn, port: API_PORT } : undefined,
            logDays: on.logDays,
            kmsKeyArn,
            models: role.models ? models : undefined,
            exec: cluster.exec,
            after: [cluster.ready, ...(role.balanced ? entry.ready : []), ...(role.models ? models.ready : [])],
          },
          child,
        );
        return [role.name, service];
      }),
    );

    new Scaling(
      own,
      {
        clusterName: cluster.cluster.name,
        api: {
          ...on.api,
          service: services.api.service.name,
          resourceLabel: pulumi.interpolate`${entry.balancerArnSuffix}/${entry.targetGroup.arnSuffix}`,
        },
        worker: { ...on.worker, service: services.worker.service.name },
      },
      child,
    );
    new Alarms(
      own,
      {
        email: on.alarmEmail,
        redis: { id: redis.groupId, nodes: on.redis.nodes },
        balancer: entry.balancerArnSuffix,
        targetGroup: entry.targetGroup.arnSuffix,
        kmsKeyArn,
      },
      child,
    );

    this.images = images;
    this.release = new Rollout(
      own,
      {
        clusterName: cluster.cluster.name,
        services,
        store: { repository: store.url, credentials: store.credentials },
        origin,
        images,
        keeps: on.releases,
        timeout: settings.healthTimeout,
      },
      child,
    ).release;
    this.url = pulumi.all([entry.url, this.release]).apply(([url]) => url);
    this.registerOutputs({ url: this.url, images: this.images, release: this.release });
  }
}

/** Days after which an image that is no release is removed. */
const UNRELEASED_DAYS = 14;

interface Kept {
  protect: boolean;
  recoveryDays: number;
  kmsKeyArn?: pulumi.Input<string>;
}

/** A secret of the application. It is protected where data is: the hashes of all customers' keys depend on one. */
function appSecret(
  name: string,
  description: string,
  { protect, ...kept }: Kept,
  child: pulumi.CustomResourceOptions,
): Secret {
  const opts = { ...child, protect };
  return secret(name, { value: password(name, opts), description, ...kept }, opts);
}
