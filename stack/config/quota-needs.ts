import { INSTANCE_TYPES, isInstanceType } from "../aws/compute/instance-types";
import { QUOTAS } from "../aws/compute/quotas";
import type { AwsSettings } from "./aws-schema";
import { maximumTasks, serviceSpecs } from "./services";

/** How much of a quota the stack needs at full scale. */
export interface QuotaNeed {
  quota: keyof typeof QUOTAS;
  /** In the unit of the quota. */
  value: number;
  /** What needs it. */
  reason: string;
  /** The setting to blame, without the prefix `spatialforge:`, and its value. */
  key: string;
  setting: string;
  /** How to need less. */
  lower: string;
}

/**
 * How much of each quota the stack needs at full scale: with the maximum number of GPU instances, each of the largest type, and during a
 * deployment with the maximum number of tasks. Quotas that the stack does not use are left out.
 */
export function quotaNeeds(aws: AwsSettings): QuotaNeed[] {
  return [...gpuNeeds(aws), ...fargateNeeds(aws), elasticIpNeed(aws)].filter(({ value }) => value > 0);
}

/** The needs as values by quota, to compare them with those of another update. */
export const quotaValues = (needs: readonly QuotaNeed[]): Record<string, number> =>
  Object.fromEntries(needs.map(({ quota, value }) => [quota, value]));

/** The number of NAT gateways. Each has an Elastic IP address. */
export const natGateways = ({ availabilityZones, natGatewayPerZone }: AwsSettings["network"]): number =>
  natGatewayPerZone ? availabilityZones : 1;

function gpuNeeds({ gpu }: AwsSettings): QuotaNeed[] {
  const { maxInstances, onDemandBaseCapacity, spot } = gpu;
  const [largest] = gpu.instanceTypes
    .filter(isInstanceType)
    .sort((a, b) => INSTANCE_TYPES[b].vcpus - INSTANCE_TYPES[a].vcpus);
  if (!largest) return []; // the rules report it
  const onDemand = spot ? onDemandBaseCapacity : maxInstances;
  const need = (quota: QuotaNeed["quota"], instances: number, name: "maxInstances" | "onDemandBaseCapacity") => ({
    quota,
    value: instances * INSTANCE_TYPES[largest].vcpus,
    reason: `${instances} ${quota === "spotGpu" ? "spot instance" : "instance"}${instances === 1 ? "" : "s"} of ${largest}`,
    key: `aws.gpu.${name}`,
    setting: String(gpu[name]),
    lower: `lower aws.gpu.${name}, or use smaller aws.gpu.instanceTypes`,
  });
  return [
    need("onDemandGpu", onDemand, spot ? "onDemandBaseCapacity" : "maxInstances"),
    need("spotGpu", maxInstances - onDemand, "maxInstances"),
  ];
}

function fargateNeeds(aws: AwsSettings): QuotaNeed[] {
  const services = serviceSpecs(aws).filter(({ gpu }) => !gpu);
  const [scaled] = services.filter(({ role }) => role.scaled);
  if (!scaled) return []; // a fraction of a vCPU
  const value = services.reduce((sum, service) => sum + (maximumTasks(service) * service.cpu) / 1024, 0);
  const tasks = services.map((service) => `${maximumTasks(service)} of ${service.name}`).join(", ");
  return [
    {
      quota: "fargate",
      value: Math.ceil(value),
      reason: `a deployment with the maximum number of tasks (${tasks})`,
      key: `aws.${scaled.name}.maxTasks`,
      setting: String(scaled.maxTasks),
      lower: `lower aws.${scaled.name}.maxTasks or aws.${scaled.name}.cpu`,
    },
  ];
}

function elasticIpNeed({ network }: AwsSettings): QuotaNeed {
  const value = natGateways(network);
  return {
    quota: "elasticIps",
    value,
    reason: value === 1 ? "a NAT gateway" : `${value} NAT gateways`,
    key: "aws.network.natGatewayPerZone",
    setting: String(network.natGatewayPerZone),
    lower: `release addresses that you do not use${network.natGatewayPerZone ? ", or use one NAT gateway for all zones" : ""}`,
  };
}
