import * as pulumi from "@pulumi/pulumi";
import { sorted } from "./container";
import type { Statement } from "./roles";
import type { TaskArgs } from "./task";

/** What ECS itself may do to start a task: pull this stack's images, read these secrets, write this log. */
export function executionStatements(args: TaskArgs, logArn: pulumi.Input<string>): Statement[] {
  const secrets = sorted(args.secrets);
  return [
    { Action: ["ecr:GetAuthorizationToken"], Resource: "*" }, // AWS allows no name here
    {
      Action: ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
      Resource: args.repositoryArn,
    },
    { Action: ["logs:CreateLogStream", "logs:PutLogEvents"], Resource: pulumi.interpolate`${logArn}:*` },
    ...(secrets.length
      ? [{ Action: ["secretsmanager:GetSecretValue"], Resource: distinct(secrets.map(([, { arn }]) => arn)) }]
      : []),
    ...(args.kmsKeyArn && secrets.length
      ? [decrypt(args.kmsKeyArn, pulumi.interpolate`secretsmanager.${args.region}.amazonaws.com`)]
      : []),
  ];
}

/** What the application may do with AWS: only what one of its features needs. */
export function taskStatements(args: TaskArgs): Statement[] {
  return [
    ...(args.models
      ? [
          {
            Action: ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"],
            Resource: args.models.fileSystemArn,
            Condition: { StringEquals: { "elasticfilesystem:AccessPointArn": args.models.accessPointArn } },
          },
        ]
      : []),
    ...(args.protects
      ? [
          {
            Action: ["ecs:GetTaskProtection", "ecs:UpdateTaskProtection"],
            Resource: pulumi.interpolate`arn:aws:ecs:${args.region}:${args.account}:task/${args.cluster.name}/*`,
            Condition: { ArnEquals: { "ecs:cluster": args.cluster.arn } },
          },
        ]
      : []),
    ...(args.exec ? execStatements(args.exec.logGroupArn, args.kmsKeyArn) : []),
  ];
}

/** ECS Exec: the agent's channel, and the log of each session. */
const execStatements = (logGroupArn: pulumi.Input<string>, keyArn?: pulumi.Input<string>): Statement[] => [
  {
    Action: [
      "ssmmessages:CreateControlChannel",
      "ssmmessages:CreateDataChannel",
      "ssmmessages:OpenControlChannel",
      "ssmmessages:OpenDataChannel",
    ],
    Resource: "*", // AWS allows no name here
  },
  { Action: ["logs:DescribeLogGroups"], Resource: "*" }, // nor here
  {
    Action: ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
    Resource: pulumi.interpolate`${logGroupArn}:*`,
  },
  // The agent itself decrypts the session, by no other service.
  ...(keyArn ? [{ Action: ["kms:Decrypt"], Resource: keyArn }] : []),
];

/** Several variables may come from one secret. */
const distinct = (arns: pulumi.Output<string>[]) => pulumi.all(arns).apply((all) => [...new Set(all)]);

const decrypt = (keyArn: pulumi.Input<string>, via: pulumi.Input<string>): Statement => ({
  Action: ["kms:Decrypt"],
  Resource: keyArn,
  Condition: { StringEquals: { "kms:ViaService": via } },
});
