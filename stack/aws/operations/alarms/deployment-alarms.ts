import * as pulumi from "@pulumi/pulumi";
import { metricAlarm, type Alarm } from "./alarm";
import { loadBalancerDimensions, type LoadBalancerDimensions } from "./api-alarms";
import { DEPLOYMENT_ALARM_SECTIONS } from "./runbook";

export interface DeploymentAlarmsArgs {
  /** Prefix of the names in AWS. */
  name: string;
  loadBalancer: LoadBalancerDimensions;
  /** Seconds that 5 % of the requests may exceed. */
  p95Latency: number;
}

/**
 * Alarms that end a deployment of the API and roll it back. They have shorter times than the alarms of the operator, because ECS watches them
 * only while it deploys and for the bake time afterward. They notify nobody: the update fails with their names.
 *
 * ECS ignores all of them for a deployment that starts while one of them is in ALARM. So a version that fixes a failure is not rolled back.
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html
 */
export class DeploymentAlarms extends pulumi.ComponentResource {
  /** Names of the alarms in AWS. */
  readonly names: pulumi.Output<string>[];

  constructor(name: string, args: DeploymentAlarmsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:DeploymentAlarms", name, {}, opts);
    const child = { parent: this };
    this.names = Object.entries(deploymentAlarms(args)).map(
      ([id, alarm]) => metricAlarm(`${name}-${id}`, alarm, { name: `${args.name}-${id}` }, child).name,
    );
    this.registerOutputs();
  }
}

/**
 * The alarms by the end of their names. One slow minute does not end a deployment: the first requests to a new task can be slow, because it
 * loads its models.
 */
export const deploymentAlarms = ({
  loadBalancer,
  p95Latency,
}: Omit<DeploymentAlarmsArgs, "name">): Record<keyof typeof DEPLOYMENT_ALARM_SECTIONS, Alarm> => ({
  "5xx": {
    description: "The API returned more than 5 server errors in a minute. A deployment is rolled back.",
    runbook: DEPLOYMENT_ALARM_SECTIONS["5xx"],
    namespace: "AWS/ApplicationELB",
    metric: "HTTPCode_Target_5XX_Count",
    dimensions: loadBalancerDimensions(loadBalancer),
    statistic: "Sum",
    comparison: "GreaterThanThreshold",
    threshold: 5,
    minutes: 1,
    treatMissingData: "notBreaching", // no request, no error
  },
  p95: {
    description: `5 % of the requests took longer than ${p95Latency} s for 2 minutes. A deployment is rolled back.`,
    runbook: DEPLOYMENT_ALARM_SECTIONS.p95,
    namespace: "AWS/ApplicationELB",
    metric: "TargetResponseTime",
    dimensions: loadBalancerDimensions(loadBalancer),
    statistic: "p95",
    comparison: "GreaterThanThreshold",
    threshold: p95Latency,
    minutes: 2,
    treatMissingData: "notBreaching",
  },
});
