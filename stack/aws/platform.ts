import * as pulumi from "@pulumi/pulumi";
import { modelSet } from "../config/model-set";
import { quotaNeeds, quotaValues } from "../config/quota-needs";
import { replacementTimeout, rolloutSteps, serviceSpecs } from "../config/services";
import { LOAD_BALANCED_ROLE } from "../roles";
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
import { Alarms } from "./operations/alarms/alarms";
import { DeploymentAlarms } from "./operations/alarms/deployment-alarms";
import { Dashboard } from "./operations/dashboard/dashboard";
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
    const set = modelSet(args.settings);
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
    const { arnSuffix, targetGroup } = loadBalancer;
    const requests = {
      loadBalancer: { arnSuffix, targetGroupArnSuffix: targetGroup.arnSuffix },
      p95Latency: services.find(({ role }) => role.loadBalanced)!.p95Latency!,
    };
    const deploymentAlarms = new DeploymentAlarms(
      "deployment-alarms",
      { name: `${context.name}-${LOAD_BALANCED_ROLE.name}-deployment`, ...requests },
      child,
    );

    const imageScan = new ImageScan(
      "image-scan",
      { ...settings.imageScan, repository: context.name, images: digests },
      child,
    );
    const modelDownload = new ModelDownload(
      "model-download",
      {
        ...data,
        ...inVpc("worker"),
        family: `${context.name}-model-download`,
        cluster: cluster.cluster,
        image: digestOf(digests, "cpu"),
        repository,
        set,
        environment: args.environment.plain,
        huggingFaceToken: args.huggingFaceToken,
        modelVolume,
        logRetentionDays,
        dependencies,
        scanned: imageScan.completed, // no image runs before its findings are read
        timeout: args.settings.healthTimeout,
      },
      child,
    );
    // The services wait for the verification and for the services of earlier steps, both of which use the services.
    const starts = rolloutSteps().map(() => pulumi.deferredOutput<unknown>());
    const application = new Application(
      "application",
      {
        ...data,
        settings,
        services,
        environment: args.environment,
        modelEnvironment: set.roleEnvironment,
        images: digests,
        repository,
        subnetIds,
        securityGroupIds: securityGroups.ids,
        cluster,
        loadBalancer,
        deploymentAlarmNames: deploymentAlarms.names,
        redis,
        bucket,
        modelVolume,
        dependencies,
        stepStarts: starts.map(([start]) => start),
      },
      child,
    );
    const verificationArgs = {
      clusterName: cluster.cluster.name,
      repository,
      // No image runs before its findings are read, and no role before its models are downloaded.
      images: pulumi.all([imageScan.images, modelDownload.completed]).apply(([images]) => images),
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
    const operations = {
      ...requests,
      services,
      redis: { replicationGroupId: redis.replicationGroupId, nodes: settings.redis.nodes },
      gpuCapacity: { clusterName: cluster.cluster.name, capacityProvider: cluster.gpuCapacityProvider },
    };
    new Alarms(
      "alarms",
      { ...operations, name: `${context.name}-alarms`, email: settings.alarmEmail, kmsKeyArn },
      child,
    );
    new Dashboard("dashboard", { ...operations, ...context }, child);
    const { release, steps } = new Rollout(
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
    const verified = pulumi.all([imageScan.completed, modelDownload.completed, verification.completed]);
    starts.forEach(([, resolve], step) => resolve(pulumi.all([verified, ...steps.slice(0, step)])));

    this.outputs = {
      url: pulumi.all([loadBalancer.url, release]).apply(([url]) => url),
      images: digests,
      release,
      verified: verifiedImages({ ...verificationArgs, release, services, results: verification.results }),
    };
    // The next preview compares the quota values, and takes the promoted release again if its inputs are the same. Without the release: if it rejected, Pulumi would also report a property that cannot be serialized.
    this.registerOutputs({
      images: digests,
      quotaValues: quotaValues(quotaNeeds(settings)),
      ...(args.promotion && { promotion: args.promotion }),
    });
  }
}
