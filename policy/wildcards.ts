/** Wildcards that policies can have. */
export interface Wildcard {
  actions: readonly string[];
  /** Matches the resource of the statement. */
  resource: RegExp;
  /** Only in a key policy, in which the resource `*` is the key itself. */
  keyPolicy?: true;
  reason: string;
}

/** All resources, for actions that support no resource. */
const ALL = /^\*$/;

/**
 * The only wildcards in IAM policies and resource-based policies. The service authorization reference says which actions support no resource:
 * https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
 */
export const WILDCARDS: readonly Wildcard[] = [
  { actions: ["ecr:GetAuthorizationToken"], resource: ALL, reason: "signs in to ECR; the action supports no resource" },
  {
    actions: ["ecs:DiscoverPollEndpoint"],
    resource: ALL,
    reason: "the ECS agent finds the endpoint of its cluster; the action supports no resource",
  },
  {
    actions: [
      "ssmmessages:CreateControlChannel",
      "ssmmessages:CreateDataChannel",
      "ssmmessages:OpenControlChannel",
      "ssmmessages:OpenDataChannel",
    ],
    resource: ALL,
    reason: "the channels of ECS Exec; the actions support no resource",
  },
  { actions: ["logs:DescribeLogGroups"], resource: ALL, reason: "ECS Exec finds its log group, as AWS documents it" },
  {
    actions: ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
    resource: /^[^*]+:\*$/,
    reason: "the log streams of one log group",
  },
  {
    actions: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
    resource: /^[^*]+\/\*$/,
    reason: "the objects of one bucket",
  },
  {
    actions: ["ecs:Poll", "ecs:StartTelemetrySession", "ecs:UpdateContainerInstancesState"],
    resource: /:container-instance\/[^*/]+\/\*$/,
    reason: "the container instances of one cluster",
  },
  {
    actions: ["ecs:GetTaskProtection", "ecs:UpdateTaskProtection"],
    resource: /:task\/[^*/]+\/\*$/,
    reason: "the tasks of one cluster",
  },
  {
    actions: ["kms:*"],
    resource: ALL,
    keyPolicy: true,
    reason: "the default statement of AWS: IAM policies of the account apply to the key, and it stays manageable",
  },
  {
    actions: [
      "kms:Encrypt",
      "kms:Decrypt",
      "kms:ReEncryptFrom",
      "kms:ReEncryptTo",
      "kms:GenerateDataKey",
      "kms:GenerateDataKeyWithoutPlaintext",
      "kms:DescribeKey",
    ],
    resource: ALL,
    keyPolicy: true,
    reason: "CloudWatch Logs and the alarms use the key",
  },
];
