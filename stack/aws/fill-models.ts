import * as pulumi from "@pulumi/pulumi";
import { taskDefinition, type TaskArgs } from "./task";

export interface FillModelsArgs extends Pick<
  TaskArgs,
  "account" | "region" | "cluster" | "image" | "repositoryArn" | "logDays" | "kmsKeyArn"
> {
  /** Models to fetch, as Hugging Face ids with or without `@revision`. */
  list: readonly string[];
  models: NonNullable<TaskArgs["models"]>;
  subnetIds: pulumi.Input<string>[];
  /** One that may reach the volume and the internet. */
  securityGroupId: pulumi.Input<string>;
}

/** Memory holds no model: files are streamed to the volume. */
const SIZE = { cpu: 1024, memory: 2048 } as const;

/** A task that fetches the models to the shared volume, so that no task of the service has to. It may run twice, and at once. */
export class FillModels extends pulumi.ComponentResource {
  /** The command that runs it. */
  readonly command: pulumi.Output<string>;

  constructor(name: string, args: FillModelsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:FillModels", name, {}, opts);
    const task = {
      ...args,
      ...SIZE,
      command: ["fill-models"],
      serves: false,
      stopTimeout: 30,
      env: { MODELS: args.list.join(","), TINI_SUBREAPER: "1" },
      secrets: {},
    };
    const { definition } = taskDefinition("fill-models", task, { parent: this });
    const network = pulumi.jsonStringify({
      awsvpcConfiguration: {
        subnets: args.subnetIds,
        securityGroups: [args.securityGroupId],
        assignPublicIp: "DISABLED",
      },
    });
    this.command = pulumi.interpolate`aws ecs run-task --region ${args.region} --cluster ${args.cluster.name} --launch-type FARGATE --task-definition ${definition.arn} --network-configuration '${network}'`;
    this.registerOutputs({ command: this.command });
  }
}
