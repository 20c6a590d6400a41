import * as pulumi from "@pulumi/pulumi";
import { arn, serviceHost } from "../context";
import type { Statement } from "../iam";
import type { TaskArgs } from "./task-args";

/** Permissions of the execution role, which ECS uses to start a task: pull images, read secrets, and write the log. */
export function executionStatements(args: TaskArgs, logGroupArn: pulumi.Input<string>): Statement[] {
  const secretArns = Object.keys(args.secrets)
    .sort()
    .map((name) => args.secrets[name].arn);
  return [
    { Action: ["ecr:GetAuthorizationToken"], Resource: "*" }, // the action supports no resource
    {
      Action: ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
      Resource: args.repository.arn,
    },
    { Action: ["logs:CreateLogStream", "logs:PutLogEvents"], Resource: pulumi.interpolate`${logGroupArn}:*` },
    ...(secretArns.length ? [{ Action: ["secretsmanager:GetSecretValue"], Resource: unique(secretArns) }] : []),
    ...(secretArns.length && args.kmsKeyArn
      ? [
          {
            Action: ["kms:Decrypt"],
            Resource: args.kmsKeyArn,
            Condition: { StringEquals: { "kms:ViaService": serviceHost(args, "secretsmanager") } },
          },
        ]
      : []),
  ];
}

/** Permissions of the task role, which the application uses. Each feature of the task adds the permissions that it needs. */
export function taskStatements(args: TaskArgs): Statement[] {
  const { modelVolume, cluster } = args;
  return [
    ...(modelVolume
      ? [
          {
            Action: ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"],
            Resource: modelVolume.fileSystemArn,
            Condition: { StringEquals: { "elasticfilesystem:AccessPointArn": modelVolume.accessPointArn } },
          },
        ]
      : []),
    ...(args.scaleInProtection
      ? [
          {
            Action: ["ecs:GetTaskProtection", "ecs:UpdateTaskProtection"],
            Resource: arn(args, "ecs", pulumi.interpolate`task/${cluster.name}/*`),
            Condition: { ArnEquals: { "ecs:cluster": cluster.arn } },
          },
        ]
      : []),
    ...(args.s3Objects?.length
      ? [
          {
            Action: ["s3:GetObject"],
            Resource: args.s3Objects.map(
              ({ bucket, key }) => pulumi.interpolate`arn:${args.partition}:s3:::${bucket}/${key}`,
            ),
          },
        ]
      : []),
    ...(args.execLogGroupArn ? execStatements(args.execLogGroupArn, args.kmsKeyArn) : []),
  ];
}

/** Permissions for ECS Exec: the channels of its agent, and the log of each session. */
const execStatements = (logGroupArn: pulumi.Input<string>, kmsKeyArn?: pulumi.Input<string>): Statement[] => [
  {
    Action: [
      "ssmmessages:CreateControlChannel",
      "ssmmessages:CreateDataChannel",
      "ssmmessages:OpenControlChannel",
      "ssmmessages:OpenDataChannel",
    ],
    Resource: "*", // the actions support no resource
  },
  { Action: ["logs:DescribeLogGroups"], Resource: "*" }, // as AWS documents it for ECS Exec
  {
    Action: ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
    Resource: pulumi.interpolate`${logGroupArn}:*`,
  },
  // The agent itself decrypts the session, so there is no condition on `kms:ViaService`.
  ...(kmsKeyArn ? [{ Action: ["kms:Decrypt"], Resource: kmsKeyArn }] : []),
];

/** Several variables can come from one secret. */
const unique = (arns: pulumi.Output<string>[]) => pulumi.all(arns).apply((all) => [...new Set(all)]);
