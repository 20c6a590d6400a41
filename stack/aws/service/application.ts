import * as pulumi from "@pulumi/pulumi";
import type { AwsSettings } from "../../config/aws-schema";
import { rolloutSteps, type ServiceSpec } from "../../config/services";
import { verificationSpecs } from "../../config/verifications";
import type { ImageDigests } from "../../images/catalog";
import { digestOf } from "../../images/images";
import type { Environment } from "../../platform";
import { password } from "../../pulumi/password";
import type { RoleName } from "../../roles";
import type { Cluster } from "../compute/cluster";
import { serviceHost, type AwsContext } from "../context";
import type { LoadBalancer } from "../load-balancer/load-balancer";
import { IDLE_TIMEOUT_S } from "../load-balancer/timeouts";
import type { SecurityGroupName } from "../network/security-groups";
import { gpuMetricsEnvironment, publisherEnvironment } from "../operations/metrics";
import type { VerificationTarget } from "../operations/verification/verification";
import type { Bucket } from "../storage/bucket";
import type { ModelVolume } from "../storage/model-volume";
import type { Redis } from "../storage/redis";
import type { Repository } from "../storage/repository";
import { jsonSecret, secret, type Secret, type SecretOptions } from "../storage/secret";
import { Service, type ServiceArgs } from "./service";

export interface ApplicationArgs extends AwsContext, SecretOptions {
  /** Prefix of the task definition families in AWS. */
  name: string;
  settings: AwsSettings;
  /** The services to create. */
  services: readonly ServiceSpec[];
  /** Environment variables of the application. */
  environment: Environment;
  /** Environment variables of the roles that mount the model volume. */
  modelEnvironment: Readonly<Record<string, string>>;
  images: pulumi.Output<ImageDigests>;
  repository: Repository;
  subnetIds: pulumi.Input<string>[];
  securityGroupIds: Readonly<Record<SecurityGroupName, pulumi.Output<string>>>;
  /** Routes and security group rules that tasks need from their start to their end. */
  dependencies: pulumi.Resource[];
  cluster: Cluster;
  loadBalancer: LoadBalancer;
  /** Names of the alarms that end a deployment of the role that the load balancer forwards requests to. */
  deploymentAlarmNames: pulumi.Input<string>[];
  redis: Redis;
  bucket: Bucket;
  modelVolume: ModelVolume;
  /** For each step of the update: resolves when its services can take their task definitions. */
  stepStarts: readonly pulumi.Output<unknown>[];
}

/** The application: its secrets, and an ECS service for each role. */
export class Application extends pulumi.ComponentResource {
  readonly services: Readonly<Record<RoleName, Service>>;
  /** The images that must be verified, because no service is sure to run them. */
  readonly verificationTargets: readonly VerificationTarget[];

  constructor(name: string, args: ApplicationArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Application", name, {}, opts);
    const child = { parent: this };
    const secrets = applicationSecrets(name, args, child);
    const steps = rolloutSteps();
    const services = args.services.map((spec) => {
      const start = args.stepStarts[steps.findIndex((roles) => roles.includes(spec.name))];
      return [spec.name, new Service(spec.name, { ...serviceArgs(spec, args, secrets), start }, child)] as const;
    });
    this.services = Object.fromEntries(services) as Record<RoleName, Service>;
    this.verificationTargets = verificationSpecs(args.settings).map((spec) => ({
      spec,
      args: serviceArgs(spec, args, secrets),
      service: spec.hasService ? this.services[spec.name] : undefined,
    }));
    this.registerOutputs();
  }
}

function serviceArgs(
  spec: ServiceSpec,
  args: ApplicationArgs,
  secrets: Record<string, Secret>,
): Omit<ServiceArgs, "start"> {
  const { accountId, region, partition, dnsSuffix, settings, cluster, loadBalancer, modelVolume } = args;
  const { name, role } = spec;
  return {
    accountId,
    region,
    partition,
    dnsSuffix,
    name,
    family: `${args.name}-${name}`,
    cluster: cluster.cluster,
    image: digestOf(args.images, spec.image),
    repository: args.repository,
    command: [role.process],
    cpu: spec.cpu,
    memory: spec.memory,
    sharedMemorySize: spec.sharedMemorySize,
    minTasks: spec.minTasks,
    stopTimeout: spec.stopTimeout,
    scaled: role.scaled,
    singleton: role.singleton,
    scaleInProtection: role.scaleInProtection,
    gpuCapacityProvider: spec.gpu ? cluster.gpuCapacityProvider : undefined,
    targetGroupArn: role.loadBalanced ? loadBalancer.targetGroup.arn : undefined,
    deploymentAlarmNames: role.loadBalanced ? args.deploymentAlarmNames : undefined,
    modelVolume: role.modelVolume ? modelVolume : undefined,
    environment: environmentVariables(spec, args),
    secrets,
    subnetIds: args.subnetIds,
    securityGroupId: args.securityGroupIds[name],
    logRetentionDays: settings.logRetentionDays,
    kmsKeyArn: args.kmsKeyArn,
    execLogGroupArn: cluster.execLogGroupArn,
    dependencies: [
      cluster.capacityProviders,
      ...args.dependencies,
      ...(role.loadBalanced ? loadBalancer.rules : []),
      ...(role.modelVolume ? modelVolume.dependencies : []),
    ],
  };
}

function environmentVariables(
  { name, role, stopTimeout }: ServiceSpec,
  args: ApplicationArgs,
): Record<string, pulumi.Input<string>> {
  return {
    ...args.environment.plain,
    MINIO_ENDPOINT: serviceHost(args, "s3"),
    MINIO_BUCKET: args.bucket.bucketName,
    MINIO_SECURE: "true",
    HEALTH_MINIMUM_S: String(args.settings.minHealthyTime),
    ...(role.modelVolume && args.modelEnvironment),
    TINI_SUBREAPER: "1", // tini is not process 1: the init process of ECS is
    ...(role.loadBalanced && {
      // uvicorn accepts `X-Forwarded-For` from the VPC, where the load balancer is. Otherwise all clients would share one rate limit.
      FORWARDED_ALLOW_IPS: args.settings.network.cidrBlock,
      // Longer than the idle timeout of the load balancer. Otherwise the load balancer sometimes returns 502.
      UVICORN_KEEP_ALIVE_S: String(IDLE_TIMEOUT_S + 10),
      // Shorter than the stop timeout, so that requests end before SIGKILL.
      UVICORN_GRACE_S: String(stopTimeout - 5),
    }),
    ...(role.queues.length > 0 && { WORKER_QUEUES: role.queues.join(",") }),
    ...(role.scaleInProtection && { SCALE_IN_PROTECTION: "1" }),
    // Also without a GPU, so that the image with one is verified in the same environment. The CPU image publishes nothing.
    ...(role.gpu !== "none" && gpuMetricsEnvironment(name)),
    ...(role.publishesBacklog && publisherEnvironment(args.services)),
  };
}

function applicationSecrets(
  prefix: string,
  args: ApplicationArgs,
  opts: pulumi.CustomResourceOptions,
): Record<string, Secret> {
  const { recoveryWindowDays, kmsKeyArn, redis, bucket } = args;
  const options = { recoveryWindowDays, kmsKeyArn };
  const values = args.environment.secret;
  // Protected like the data: the hash of each API key depends on API_KEY_SECRET.
  const protectedOpts = { ...opts, protect: args.settings.deletionProtection };
  const generate = (name: string, description: string) => {
    const resourceName = `${prefix}-${name}`;
    const value = password(resourceName, protectedOpts);
    return secret(resourceName, { ...options, name, value, description }, protectedOpts);
  };
  return {
    ...(Object.keys(values).length
      ? jsonSecret(
          `${prefix}-env`,
          { ...options, name: "env", values, description: "Variables of the application" },
          opts,
        )
      : {}),
    API_KEY_SECRET: generate("api-key-hash-key", "Hashes every API key. It must never change"),
    ADMIN_API_KEY: generate("admin-api-key", "Administrator API key"),
    REDIS_URL: redis.url,
    MINIO_ACCESS_KEY: bucket.accessKeyId,
    MINIO_SECRET_KEY: bucket.secretAccessKey,
  };
}
