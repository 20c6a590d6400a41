import * as pulumi from "@pulumi/pulumi";
import { networkVariables, type ModelSet } from "../../config/model-set";
import { serviceHost } from "../context";
import type { ModelVolume } from "../storage/model-volume";
import { secret, type Secret, type SecretOptions } from "../storage/secret";
import { DOWNLOAD_CONTAINER, downloadTask } from "./download-task";
import { downloadOnce, MODEL_DOWNLOAD_TYPE, type DownloadResult } from "./required-download";
import type { TaskArgs } from "./task-args";
import { taskDefinition } from "./task-definition";

export interface ModelDownloadArgs
  extends
    Pick<
      TaskArgs,
      | "accountId"
      | "region"
      | "partition"
      | "dnsSuffix"
      | "family"
      | "cluster"
      | "image"
      | "repository"
      | "logRetentionDays"
      | "kmsKeyArn"
    >,
    SecretOptions {
  set: ModelSet;
  /** Environment variables of the application. The download gets those that say how servers are reached. */
  environment: Readonly<Record<string, string>>;
  /** Token for gated models on the Hugging Face hub. Default: none. */
  huggingFaceToken?: pulumi.Input<string>;
  modelVolume: ModelVolume;
  subnetIds: pulumi.Input<string>[];
  /** Must allow connections to the model volume and to the internet. */
  securityGroupId: pulumi.Input<string>;
  /** Resources that must exist before the task starts. */
  dependencies: pulumi.Resource[];
  /** Resolves after the scan findings of the image are read. The task runs only then. */
  scanned: pulumi.Input<unknown>;
  /** Seconds within which the task must have stopped. */
  timeout: number;
}

/** CPU units and MiB. Files are streamed to the volume, so the task needs little memory. */
const TASK_SIZE = { cpu: 1024, memory: 2048 } as const;

/** Seconds between SIGTERM and SIGKILL. A download that is stopped continues or starts again with the next run. */
const STOP_TIMEOUT_S = 30;

/**
 * A task that downloads the models to the model volume. If the models are required, an update runs it before the services are updated, once for
 * each list of models. `npm run models` runs it at any time. It can run several times, even concurrently.
 */
export class ModelDownload extends pulumi.ComponentResource {
  /** Resolves when the models that the services require are on the volume. In a preview it resolves immediately. Rejects with a RunError. */
  readonly completed: pulumi.Output<unknown>;

  constructor(name: string, args: ModelDownloadArgs, opts?: pulumi.ComponentResourceOptions) {
    super(MODEL_DOWNLOAD_TYPE, name, {}, opts);
    const child = { parent: this };
    const { taskDefinition: task, dependencies } = taskDefinition(
      name,
      {
        ...args,
        ...TASK_SIZE,
        containerName: DOWNLOAD_CONTAINER,
        command: ["download-models"],
        runsToCompletion: true,
        stopTimeout: STOP_TIMEOUT_S,
        environment: environment(args),
        secrets: tokenSecret(name, args, child),
        s3Objects: args.set.s3Objects,
      },
      child,
    );
    const wanted = pulumi.interpolate`${args.set.id} on ${args.modelVolume.fileSystemId}`;
    const ready = [...args.dependencies, ...args.modelVolume.dependencies, ...dependencies].map(({ urn }) => urn);
    const isRun = args.set.required && !pulumi.runtime.isDryRun();
    const result = isRun
      ? pulumi
          .all([
            wanted,
            task.arn,
            args.cluster.name,
            args.securityGroupId,
            pulumi.all(args.subnetIds),
            args.scanned,
            pulumi.all(ready),
          ])
          .apply(([id, arn, cluster, securityGroup, subnetIds]) => {
            const log = (line: string) => void pulumi.log.info(`model download: ${line}`, this, undefined, true);
            const place = { cluster, subnetIds, securityGroupIds: [securityGroup], timeout: args.timeout };
            return downloadOnce(id, { ...downloadTask(arn), ...place, log });
          })
      : wanted.apply((id): DownloadResult => ({ id }));
    this.completed = isRun
      ? result.apply(({ error }) => {
          if (error) throw error;
        })
      : pulumi.output(undefined);
    // If an output rejected, Pulumi would also report a property that cannot be serialized.
    this.registerOutputs(args.set.required ? { downloaded: result.apply(({ id }) => id) } : {});
  }
}

const environment = (args: ModelDownloadArgs): TaskArgs["environment"] => ({
  ...networkVariables(args.environment),
  ...args.set.downloadEnvironment,
  ...(args.set.s3Objects.length > 0 && {
    AWS_REGION: args.region,
    MODEL_S3_ENDPOINT: pulumi.interpolate`https://${serviceHost(args, "s3")}`,
  }),
  TINI_SUBREAPER: "1",
});

/** The token as a variable of the Hugging Face client. Only this task can read it. */
function tokenSecret(
  prefix: string,
  args: ModelDownloadArgs,
  opts: pulumi.CustomResourceOptions,
): Record<string, Secret> {
  const { huggingFaceToken: value, recoveryWindowDays, kmsKeyArn } = args;
  if (!value) return {};
  const description = "Token for gated models on the Hugging Face hub";
  const options = { recoveryWindowDays, kmsKeyArn, name: "hugging-face-token", value, description };
  return { HF_TOKEN: secret(`${prefix}-token`, options, opts) };
}
