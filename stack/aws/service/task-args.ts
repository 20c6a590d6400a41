import type * as pulumi from "@pulumi/pulumi";
import type { S3Object } from "../../config/models";
import type { AwsContext } from "../context";
import type { ModelVolume } from "../storage/model-volume";
import type { Repository } from "../storage/repository";
import type { Secret } from "../storage/secret";

/** Arguments of a task definition. */
export interface TaskArgs extends AwsContext {
  /** Family of the task definition in AWS. */
  family: string;
  /** Name of the container in AWS, and prefix of its log streams. */
  containerName: string;
  cluster: { arn: pulumi.Input<string>; name: pulumi.Input<string> };
  /** `repository@sha256:...` */
  image: pulumi.Input<string>;
  repository: Pick<Repository, "arn" | "url">;
  /** Arguments of the entrypoint of the image. */
  command: string[];
  /** CPU units, 1024 for one vCPU. */
  cpu: number;
  /** MiB */
  memory: number;
  /** Size of `/dev/shm` in MiB, on a GPU instance only. Default: 64, as in Docker. */
  sharedMemorySize?: number;
  /** Whether the task runs on a GPU instance, with one GPU. Default: on Fargate. */
  gpu?: boolean;
  /** Whether the task can protect itself from scale-in. Default: false. */
  scaleInProtection?: boolean;
  /** Whether the load balancer forwards requests to the container. Default: false. */
  loadBalanced?: boolean;
  /** Whether the task ends by itself. It then has no health check. Default: false. */
  runsToCompletion?: boolean;
  /** Seconds between SIGTERM and SIGKILL. At most 120 on Fargate. */
  stopTimeout: number;
  environment: Record<string, pulumi.Input<string>>;
  /** Secrets by the name of their environment variable. */
  secrets: Record<string, Secret>;
  /** Volume for models. Default: an empty volume for each task. */
  modelVolume?: Pick<ModelVolume, "fileSystemId" | "fileSystemArn" | "accessPointId" | "accessPointArn">;
  /** Objects in S3 that the task can read. Default: none. */
  s3Objects?: readonly S3Object[];
  /** Retention of the log in days. */
  logRetentionDays: number;
  /** Encrypts the log. Default: a key that AWS owns. */
  kmsKeyArn?: pulumi.Input<string>;
  /** Log group of ECS Exec. Default: ECS Exec is disabled. */
  execLogGroupArn?: pulumi.Input<string>;
}
