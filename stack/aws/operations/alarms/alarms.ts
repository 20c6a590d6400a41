import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { ServiceSpec } from "../../../config/services";
import { metricAlarm, type Alarm } from "./alarm";
import { apiAlarms, type LoadBalancerDimensions } from "./api-alarms";
import { backlogAlarms } from "./backlog-alarms";
import { gpuAlarms, type GpuCapacity } from "./gpu-alarms";
import { redisAlarms, type RedisNodes } from "./redis-alarms";

export interface AlarmsArgs {
  /** Name of the topic in AWS. */
  name: string;
  /** Email address that receives the alarms. Empty: only other subscribers of the topic. */
  email: string;
  services: readonly ServiceSpec[];
  redis: RedisNodes;
  loadBalancer: LoadBalancerDimensions;
  /** Seconds that 5 % of the requests may exceed. */
  p95Latency: number;
  gpuCapacity: GpuCapacity;
  /** Encrypts the topic. Default: no encryption, because CloudWatch cannot publish to a topic with the AWS managed key. */
  kmsKeyArn?: pulumi.Input<string>;
}

/** Alarms that require action, and the SNS topic that receives them. */
export class Alarms extends pulumi.ComponentResource {
  readonly topicArn: pulumi.Output<string>;

  constructor(name: string, args: AlarmsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Alarms", name, {}, opts);
    const child = { parent: this };
    const topic = new aws.sns.Topic(name, { name: args.name, kmsMasterKeyId: args.kmsKeyArn }, child);
    if (args.email) {
      new aws.sns.TopicSubscription(name, { topic: topic.arn, protocol: "email", endpoint: args.email }, child);
    }
    const actions = { alarmActions: [topic.arn], okActions: [topic.arn] };
    for (const [id, alarm] of Object.entries(table(args))) metricAlarm(`${name}-${id}`, alarm, actions, child);
    this.topicArn = topic.arn;
    this.registerOutputs({ topicArn: this.topicArn });
  }
}

const table = ({ services, redis, loadBalancer, p95Latency, gpuCapacity }: AlarmsArgs): Record<string, Alarm> => ({
  ...apiAlarms(loadBalancer, p95Latency),
  ...backlogAlarms(services),
  ...gpuAlarms(services, gpuCapacity),
  ...redisAlarms(redis),
});
