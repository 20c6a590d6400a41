import * as pulumi from "@pulumi/pulumi";
import { password } from "../password";
import type { Digests } from "../release/record";
import type { Settings } from "../settings/schema";
import type { Bucket } from "./bucket";
import type { Cluster } from "./cluster";
import type { Entry } from "./entry";
import { API_PORT, type Firewall } from "./firewall";
import { beatEnv } from "./metrics";
import type { Models } from "./models";
import type { Redis } from "./redis";
import type { Repository } from "./repository";
import { roles, type Role } from "./role-table";
import type { Place } from "./roles";
import { secret, secrets, type Secret } from "./secret";
import { Service } from "./service";

export interface ApplicationArgs extends Place {
  settings: Settings;
  /** Whether the application's own variables are secret. */
  secretEnv: boolean;
  images: pulumi.Output<Digests>;
  store: Repository;
  subnetIds: pulumi.Input<string>[];
  firewall: Firewall;
  /** What connects the tasks with the rest of the world, and with each other. */
  online: pulumi.Resource[];
  cluster: Cluster;
  entry: Entry;
  redis: Redis;
  bucket: Bucket;
  models: Models;
  /** Days in which a deleted secret can be restored. */
  recoveryDays: number;
  kmsKeyArn?: pulumi.Input<string>;
}

/** The application: its own secrets, what its processes need to know, and a service for each of its roles. */
export class Application extends pulumi.ComponentResource {
  readonly services: Readonly<Record<Role["name"], Service>>;

  constructor(name: string, args: ApplicationArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Application", name, {}, opts);
    const child = { parent: this };
    const fromSecrets = secretsOf(args, child);
    const { settings, cluster, entry, models, firewall } = args;
    const made = roles(settings.aws).map((role) => {
      const service = new Service(
        role.name,
        {
          ...role,
          account: args.account,
          region: args.region,
          cluster: cluster.cluster,
          image: args.images.apply((all) => all[role.image]),
          repositoryArn: args.store.arn,
          command: [role.name],
          gpu: role.onGpu ? cluster.gpu : undefined,
          env: environment(role, args),
          secrets: fromSecrets,
          models: role.models ? models : undefined,
          subnetIds: args.subnetIds,
          securityGroupId: firewall.groups[role.name].id,
          balanced: role.balanced ? { targetGroupArn: entry.targetGroup.arn, port: API_PORT } : undefined,
          logDays: settings.aws.logDays,
          kmsKeyArn: args.kmsKeyArn,
          exec: cluster.exec,
          after: [
            cluster.ready,
            ...args.online,
            ...(role.balanced ? entry.ready : []),
            ...(role.models ? models.ready : []),
          ],
        },
        child,
      );
      return [role.name, service];
    });
    this.services = Object.fromEntries(made) as Record<Role["name"], Service>;
    this.registerOutputs();
  }
}

function environment(
  role: Role,
  { settings, secretEnv, region, bucket }: ApplicationArgs,
): Record<string, pulumi.Input<string>> {
  return {
    ...(secretEnv ? {} : settings.env),
    MINIO_ENDPOINT: pulumi.interpolate`s3.${region}.amazonaws.com`,
    MINIO_BUCKET: bucket.name,
    MINIO_SECURE: "true",
    TINI_SUBREAPER: "1", // ECS's own init is process 1
    ...(role.name === "beat" ? beatEnv() : {}),
    ...role.env,
  };
}

function secretsOf(args: ApplicationArgs, child: pulumi.CustomResourceOptions): Record<string, Secret> {
  // Protected where data is: the hashes of all customers' keys depend on the first one.
  const opts = { ...child, protect: args.settings.aws.protect };
  const { recoveryDays, kmsKeyArn, redis, bucket, settings } = args;
  const own = (id: string, description: string) =>
    secret(id, { value: password(id, opts), description, recoveryDays, kmsKeyArn }, opts);
  const given = { values: settings.env, description: "Variables of the application", recoveryDays, kmsKeyArn };
  return {
    ...(args.secretEnv ? secrets("env", given, child) : {}),
    API_KEY_SECRET: own("api-key-secret", "Hashes every API key: it never changes"),
    ADMIN_API_KEY: own("admin-api-key", "Key of the administration"),
    REDIS_URL: redis.url,
    MINIO_ACCESS_KEY: bucket.accessKey,
    MINIO_SECRET_KEY: bucket.secretKey,
  };
}
