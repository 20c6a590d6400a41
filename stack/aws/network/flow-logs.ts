import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { arn, type AwsContext } from "../context";
import { allowPolicy, serviceTrustPolicy } from "../iam";

export interface FlowLogsArgs extends AwsContext {
  vpc: aws.ec2.Vpc;
  /** Retention of the logs in days. */
  retentionDays: number;
  /** Encrypts the logs. Default: a key that AWS owns. */
  kmsKeyArn?: pulumi.Input<string>;
}

/** Creates the flow logs of a VPC, in CloudWatch Logs. */
export function flowLogs(name: string, args: FlowLogsArgs, opts: pulumi.CustomResourceOptions): void {
  const logGroup = new aws.cloudwatch.LogGroup(
    name,
    { retentionInDays: args.retentionDays, kmsKeyId: args.kmsKeyArn },
    opts,
  );
  const trust = serviceTrustPolicy("vpc-flow-logs.amazonaws.com", args.accountId, arn(args, "ec2", "vpc-flow-log/*"));
  const role = new aws.iam.Role(name, { assumeRolePolicy: trust }, opts);
  const policy = allowPolicy([
    {
      Action: ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
      Resource: pulumi.interpolate`${logGroup.arn}:*`,
    },
  ]);
  new aws.iam.RolePolicy(name, { role: role.id, policy }, opts);
  new aws.ec2.FlowLog(
    name,
    { vpcId: args.vpc.id, trafficType: "ALL", logDestination: logGroup.arn, iamRoleArn: role.arn },
    opts,
  );
}
