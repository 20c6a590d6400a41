import type * as pulumi from "@pulumi/pulumi";
import type { AwsContext } from "../context";
import type { ModelVolume } from "../storage/model-volume";
import type { Secret } from "../storage/secret";

/** What a task definition is created from. */
export interface TaskArgs extends AwsContext {
  /** Family of the task definition in AWS. */
  family: string;
  /** Name of the container in AWS, and prefix of its log streams. */
  containerName: string;
  cluster: { arn: pulumi.Input<string>; name: pulumi.Input<string> };
  /** `repository@sha256:...` */
  image: pulumi.Input<string>;
  repositoryArn: pulumi.Input<string>;
  command: string[];
  /** CPU units, 1024 for one vCPU. */
  cpu: number;
  /** MiB */
  memory: number;
  /** Run on a GPU instance, with one GPU. Otherwise on Fargate. */
  gpu?: boolean;
  /** The task may protect itself from scale-in. */
  scaleInProtection?: boolean;
  /** The load balancer forwards requests to the container. */
  loadBalanced?: boolean;
  /** The task ends by itself, so it has no health check. */
  runsToCompletion?: boolean;
  /** Seconds between SIGTERM and SIGKILL. At most 120 on Fargate. */
  stopTimeout: number;
  environment: Record<string, pulumi.Input<string>>;
  /** Secrets by the name of their environment variable. */
  secrets: Record<string, Secret>;
  /** Default: an empty volume for each task. */
  modelVolume?: Pick<ModelVolume, "fileSystemId" | "fileSystemArn" | "accessPointId" | "accessPointArn">;
  logRetentionDays: number;
  /** Encrypts the log. Default: a key that AWS owns. */
  kmsKeyArn?: pulumi.Input<string>;
  /** Log group of ECS Exec. Default: ECS Exec is disabled. */
  execLogGroupArn?: pulumi.Input<string>;
}
