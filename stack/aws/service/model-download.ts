import * as pulumi from "@pulumi/pulumi";
import type { TaskArgs } from "./task-args";
import { taskDefinition } from "./task-definition";

export interface ModelDownloadArgs extends Pick<
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
> {
  /** Hugging Face IDs with or without `@revision`. */
  models: readonly string[];
  modelVolume: NonNullable<TaskArgs["modelVolume"]>;
  subnetIds: pulumi.Input<string>[];
  /** Must allow connections to the model volume and to the internet. */
  securityGroupId: pulumi.Input<string>;
}

/** CPU units and MiB. Files are streamed to the volume, so the task needs little memory. */
const TASK_SIZE = { cpu: 1024, memory: 2048 } as const;

/**
 * A task that downloads models to the model volume, so that the tasks of the services find them there. The user runs it. It can run several
 * times, even concurrently.
 */
export class ModelDownload extends pulumi.ComponentResource {
  /** The AWS CLI command that runs the task. */
  readonly command: pulumi.Output<string>;

  constructor(name: string, args: ModelDownloadArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:ModelDownload", name, {}, opts);
    const { taskDefinition: task } = taskDefinition(
      name,
      {
        ...args,
        ...TASK_SIZE,
        containerName: name,
        command: ["download-models"],
        runsToCompletion: true,
        stopTimeout: 30,
        environment: { MODELS: args.models.join(","), TINI_SUBREAPER: "1" },
        secrets: {},
      },
      { parent: this },
    );
    const network = pulumi.jsonStringify({
      awsvpcConfiguration: {
        subnets: args.subnetIds,
        securityGroups: [args.securityGroupId],
        assignPublicIp: "DISABLED",
      },
    });
    this.command = pulumi.interpolate`aws ecs run-task --region ${args.region} --cluster ${args.cluster.name} --launch-type FARGATE --task-definition ${task.arn} --network-configuration '${network}'`;
    this.registerOutputs({ command: this.command });
  }
}
