import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { images as imagesOf } from "../images/source";
import type { Digests } from "../release/record";
import type { Inputs } from "../settings/read";
import { Alarms } from "./alarms";
import { Application } from "./application";
import { Bucket } from "./bucket";
import { Cluster } from "./cluster";
import { Entry } from "./entry";
import { API_PORT, Firewall } from "./firewall";
import type { GpuTypeName } from "./gpu-types";
import { FillModels } from "./fill-models";
import { identity } from "./identity";
import { Key } from "./key";
import { Models } from "./models";
import { stackName } from "./name";
import { Network } from "./network";
import { Redis } from "./redis";
import { Repository } from "./repository";
import { Rollout } from "./rollout/rollout";
import { Scaling } from "./scaling";

/** Everything on AWS: network, registry, images, data, GPU hosts, entry and the application as ECS services. */
export class AwsPlatform extends pulumi.ComponentResource {
  readonly url: pulumi.Output<string>;
  readonly images: pulumi.Output<Digests>;
  readonly release: pulumi.Output<string>;
  /** The command that fetches the models to their volume. */
  readonly fillModels: pulumi.Output<string>;

  constructor(name: string, inputs: Inputs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Platform", name, {}, opts);
    const child = { parent: this };
    const { settings, secretEnv } = inputs;
    const { aws: on } = settings;
    const own = stackName();
    const place = {
      account: pulumi.output(identity()).accountId,
      region: aws.getRegionOutput({}, child).name,
    };
    const { protect } = on;
    const recoveryDays = protect ? 30 : 0;
    const kmsKeyArn = on.kms ? new Key(own, { ...place, protect }, child).arn : undefined;
    const kept = { protect, recoveryDays, kmsKeyArn };

    const network = new Network(own, { ...place, ...on.network, kmsKeyArn }, child);
    const firewall = new Firewall(own, network.vpc.id, child);
    const { groups } = firewall;
    const subnetIds = network.privateSubnets.map(({ id }) => id);
    const online = [...network.ways.private, ...firewall.ready];
    const store = new Repository(own, { releases: on.releases, days: UNRELEASED_DAYS, kmsKeyArn }, child);
    const { origin, images } = imagesOf(inputs, { repository: store.url, credentials: store.credentials }, child);
    const redis = new Redis(own, { ...on.redis, ...kept, subnetIds, securityGroupId: groups.redis.id }, child);
    const bucket = new Bucket(own, { ...on.objects, ...kept }, child);
    const models = new Models(own, { subnetIds, securityGroupId: groups.models.id, kmsKeyArn }, child);
    const cluster = new Cluster(
      own,
      {
        ...place,
        ...on.gpu,
        types: on.gpu.types as GpuTypeName[],
        subnetIds,
        securityGroupId: groups.hosts.id,
        exec: on.exec,
        logDays: on.logDays,
        kmsKeyArn,
        after: online,
      },
      child,
    );
    const entry = new Entry(
      own,
      {
        ...place,
        ...on.entry,
        vpcId: network.vpc.id,
        subnetIds: network.publicSubnets.map(({ id }) => id),
        after: network.ways.public,
        securityGroupId: groups.entry.id,
        port: API_PORT,
        logDays: on.logDays,
        protect,
        kmsKeyArn,
      },
      child,
    );

    const { services } = new Application(
      own,
      {
        ...place,
        ...kept,
        settings,
        secretEnv,
        images,
        store,
        subnetIds,
        firewall,
        online,
        cluster,
        entry,
        redis,
        bucket,
        models,
      },
      child,
    );

    this.fillModels = new FillModels(
      own,
      {
        ...place,
        kmsKeyArn,
        cluster: cluster.cluster,
        image: images.cpu,
        repositoryArn: store.arn,
        list: on.models,
        models,
        subnetIds,
        securityGroupId: groups.worker.id,
        logDays: on.logDays,
      },
      child,
    ).command;
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
        worker: on.worker,
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
    this.registerOutputs({ images: this.images });
  }
}

/** Days after which an image that is no release is removed. */
const UNRELEASED_DAYS = 14;
