import type * as pulumi from "@pulumi/pulumi";
import type { Alarm } from "./alarm";
import { RUNBOOK } from "./runbook";

/** Suffixes of the ARNs of the load balancer and its target group, which CloudWatch metrics use as dimensions. */
export interface LoadBalancerDimensions {
  arnSuffix: pulumi.Input<string>;
  targetGroupArnSuffix: pulumi.Input<string>;
}

/** Dimensions of the metrics of a target group. */
export const loadBalancerDimensions = ({ arnSuffix, targetGroupArnSuffix }: LoadBalancerDimensions) => ({
  LoadBalancer: arnSuffix,
  TargetGroup: targetGroupArnSuffix,
});

/**
 * Alarms on the requests to the API.
 * @param p95Latency - seconds that 5 % of the requests may exceed
 */
export function apiAlarms(loadBalancer: LoadBalancerDimensions, p95Latency: number): Record<string, Alarm> {
  const metrics = { namespace: "AWS/ApplicationELB", dimensions: loadBalancerDimensions(loadBalancer) } as const;
  return {
    "api-5xx": {
      ...metrics,
      description: "The API returns server errors. Check its log.",
      runbook: RUNBOOK.apiErrors,
      metric: "HTTPCode_Target_5XX_Count",
      statistic: "Sum",
      comparison: "GreaterThanThreshold",
      threshold: 10,
      minutes: 3,
      treatMissingData: "notBreaching", // no request, no error
    },
    "load-balancer-5xx": {
      ...metrics,
      description: "The load balancer gets no response from the API. Check whether its tasks are running and healthy.",
      runbook: RUNBOOK.apiErrors,
      metric: "HTTPCode_ELB_5XX_Count",
      dimensions: { LoadBalancer: loadBalancer.arnSuffix },
      statistic: "Sum",
      comparison: "GreaterThanThreshold",
      threshold: 10,
      minutes: 3,
      treatMissingData: "notBreaching", // no request, no error
    },
    "api-p95": {
      ...metrics,
      description: `5 % of the requests take longer than ${p95Latency} s. Check the GPU and the number of tasks, or raise aws.api.maxTasks.`,
      runbook: RUNBOOK.slowRequests,
      metric: "TargetResponseTime",
      statistic: "p95",
      comparison: "GreaterThanThreshold",
      threshold: p95Latency,
      minutes: 5,
      treatMissingData: "notBreaching", // no request, no response time
    },
    "api-unhealthy-targets": {
      ...metrics,
      description:
        "A task of the API fails the health check of the load balancer and was not replaced for 5 minutes. Check its log.",
      runbook: RUNBOOK.apiErrors,
      metric: "UnHealthyHostCount",
      statistic: "Maximum",
      comparison: "GreaterThanThreshold",
      threshold: 0,
      minutes: 5,
      treatMissingData: "notBreaching", // CloudWatch gets no value while there is no target
    },
  };
}
