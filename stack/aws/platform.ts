import * as pulumi from "@pulumi/pulumi";
import { quotaNeeds, quotaValues } from "../config/quota-needs";
import { replacementTimeout, serviceSpecs } from "../config/services";
import { AWS_IMAGE_PLATFORM } from "../images/catalog";
import { digestOf, images } from "../images/images";
import type { Platform, PlatformArgs } from "../platform";
import { PLATFORM_TYPE } from "../preflight/deployed";
import { stackName } from "../pulumi/stack-name";
import { Cluster } from "./compute/cluster";
import type { InstanceTypeName } from "./compute/instance-types";
import { awsContext } from "./context";
import { LoadBalancer } from "./load-balancer/load-balancer";
import { Network } from "./network/network";
import { SecurityGroups } from "./network/security-groups";
import { Alarms } from "./operations/alarms";
import { Rollout } from "./operations/rollout/rollout";
import { ImageScan } from "./operations/image-scan/image-scan";
import { Verification } from "./operations/verification/verification";
import { verifiedImages } from "./operations/verification/verified-images";
import { Application } from "./service/application";
import { ModelDownload } from "./service/model-download";
import { Scaling } from "./service/scaling";
import { Bucket } from "./storage/bucket";
import { KmsKey } from "./storage/kms-key";
import { ModelVolume } from "./storage/model-volume";
import { Redis } from "./storage/redis";
import { Repository } from "./storage/repository";

/** Days within which a deleted secret can be restored, if deletion protection is on. 30 is the maximum of Secrets Manager. */
const RECOVERY_WINDOW_DAYS = 30;

/** The service on AWS: images in ECR, ECS services on GPU instances and Fargate, Redis, S3, EFS, and a load balancer. */
export class AwsPlatform extends pulumi.ComponentResource implements Platform {
  readonly outputs: Platform["outputs"];

  constructor(name: string, args: PlatformArgs, opts?: pulumi.ComponentResourceOptions) {
    super(PLATFORM_TYPE, name, {}, opts);
    const child = { parent: this };
    const settings = args.settings.aws;
    const { deletionProtection, logRetentionDays, retainedReleases } = settings;
    const services = serviceSpecs(settings);
    const context = { ...awsContext(child), name: stackName() };
    const recoveryWindowDays = deletionProtection ? RECOVERY_WINDOW_DAYS : 0;

    const kmsKeyArn = settings.customerManagedKey
      ? new KmsKey("kms-key", { ...context, deletionProtection }, child).arn
      : undefined;
    const data = { ...context, deletionProtection, recoveryWindowDays, kmsKeyArn };

    const { availabilityZones } = args;
    const network = new Network("network", { ...context, ...settings.network, availabilityZones, kmsKeyArn }, child);
    const securityGroups = new SecurityGroups("security-groups", { ...context, vpcId: network.vpc.id }, child);
    const subnetIds = network.privateSubnets.map(({ id }) => id);
    const dependencies = [...network.internetAccess.private, ...securityGroups.rules];
    const inVpc = (group: keyof typeof securityGroups.ids) => ({
      subnetIds,
      securityGroupId: securityGroups.ids[group],
    });

    const repository = new Repository("repository", { ...context, deletionProtection, kmsKeyArn }, child);
    const { source, digests } = images({ ...args, platform: AWS_IMAGE_PLATFORM, repository }, child);
    const redis = new Redis("redis", { ...data, ...settings.redis, ...inVpc("redis") }, child);
    const bucket = new Bucket("bucket", { ...data, ...settings.bucket }, child);
    const modelVolume = new ModelVolume("model-volume", { ...data, ...inVpc("model-volume") }, child);
    const cluster = new Cluster(
      "cluster",
      {
        ...data,
        ...settings.gpu,
        ...inVpc("gpu-instances"),
        instanceTypes: settings.gpu.instanceTypes as InstanceTypeName[],
        ecsExec: settings.ecsExec,
        logRetentionDays,
        replacementTimeout: replacementTimeout(args.settings.healthTimeout, services),
        dependencies,
      },
      child,
    );
    const loadBalancer = new LoadBalancer(
      "load-balancer",
      {
        ...data,
        ...settings.loadBalancer,
        vpcId: network.vpc.id,
        subnetIds: network.publicSubnets.map(({ id }) => id),
        securityGroupId: securityGroups.ids["load-balancer"],
        logRetentionDays,
        dependencies: network.internetAccess.public,
      },
      child,
    );

    const imageScan = new ImageScan(
      "image-scan",
      { ...settings.imageScan, repository: context.name, images: digests },
      child,
    );
    // The verification uses task definitions of the services, and the services wait for the verification.
    const [verified, setVerified] = pulumi.deferredOutput<unknown>();
    const application = new Application(
      "application",
      {
        ...data,
        settings,
        services,
        environment: args.environment,
        images: digests,
        repository,
        subnetIds,
        securityGroupIds: securityGroups.ids,
        cluster,
        loadBalancer,
        redis,
        bucket,
        modelVolume,
        dependencies,
        verified,
      },
      child,
    );
    const verificationArgs = {
      clusterName: cluster.cluster.name,
      repository,
      images: imageScan.images, // no image runs before its findings are read
      amiId: cluster.amiId,
    };
    const verification = new Verification(
      "verification",
      {
        ...verificationArgs,
        enabled: settings.verifyImages,
        targets: application.verificationTargets,
        timeout: args.settings.healthTimeout,
      },
      child,
    );
    setVerified(pulumi.all([imageScan.completed, verification.completed]));
    const modelDownload = new ModelDownload(
      "model-download",
      {
        ...context,
        ...inVpc("worker"),
        family: `${context.name}-model-download`,
        cluster: cluster.cluster,
        image: digestOf(digests, "cpu"),
        repository,
        models: settings.models,
        modelVolume,
        logRetentionDays,
        kmsKeyArn,
      },
      child,
    );
    const { arnSuffix, targetGroup } = loadBalancer;
    new Scaling(
      "scaling",
      {
        clusterName: cluster.cluster.name,
        services,
        serviceNames: Object.fromEntries(
          Object.entries(application.services).map(([role, { service }]) => [role, service.name]),
        ),
        resourceLabel: pulumi.interpolate`${arnSuffix}/${targetGroup.arnSuffix}`,
      },
      child,
    );
    new Alarms(
      "alarms",
      {
        name: `${context.name}-alarms`,
        email: settings.alarmEmail,
        services,
        redis: { replicationGroupId: redis.replicationGroupId, nodes: settings.redis.nodes },
        loadBalancer: { arnSuffix, targetGroupArnSuffix: targetGroup.arnSuffix },
        kmsKeyArn,
      },
      child,
    );
    const { release } = new Rollout(
      "rollout",
      {
        clusterName: cluster.cluster.name,
        services: application.services,
        repository,
        source,
        images: digests,
        isReleaseChosen: args.settings.release !== "",
        retainedReleases,
        timeout: args.settings.healthTimeout,
      },
      child,
    );

    this.outputs = {
      url: pulumi.all([loadBalancer.url, release]).apply(([url]) => url),
      images: digests,
      release,
      verified: verifiedImages({ ...verificationArgs, release, services, results: verification.results }),
      downloadModelsCommand: modelDownload.command,
    };
    // The next preview compares the quota values, and takes the promoted release again if its inputs are the same. Without the release: if it rejected, Pulumi would also report a property that cannot be serialized.
    this.registerOutputs({
      images: digests,
      quotaValues: quotaValues(quotaNeeds(settings)),
      ...(args.promotion && { promotion: args.promotion }),
    });
  }
}
