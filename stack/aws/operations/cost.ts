import type { AwsSettings } from "../../config/aws-schema";
import { natGateways } from "../../config/quota-needs";
import { serviceSpecs, type ServiceSpec } from "../../config/services";
import { INSTANCE_TYPES, isInstanceType } from "../compute/instance-types";
import { INTERFACE_ENDPOINTS } from "../network/vpc-endpoints";

/**
 * USD per hour, us-east-1, as published in 2026. Sources: NAT gateway,
 * https://cloudpipelines.pages.dev/guides/aws-nat-gateway-pricing-2026/; interface endpoint and public IPv4 address,
 * https://www.factualminds.com/blog/amazon-vpc-pricing-endpoints-peering-transit-gateway/; Fargate, Linux on x86_64,
 * https://www.fortem.dev/blog/aws-fargate-pricing-real-costs; load balancer without its capacity units,
 * https://cloud-horizons.com/blog/alb-the-line-item-nobody-watches/.
 */
const PRICES = {
  natGateway: 0.045,
  /** In each Availability Zone. */
  interfaceEndpoint: 0.01,
  publicIpv4Address: 0.005,
  fargateVcpu: 0.04048,
  fargateGb: 0.004445,
  loadBalancer: 0.0225,
} as const;

/**
 * USD per hour for a Valkey node, us-east-1, on-demand: from the AWS Price List of 2026-10-02, as copied by a public repository. Other node
 * types have no line in the table.
 */
const REDIS_NODE_PRICES: Record<string, number> = {
  "cache.t4g.micro": 0.0128,
  "cache.t4g.small": 0.0256,
  "cache.t4g.medium": 0.052,
  "cache.m7g.large": 0.1264,
  "cache.m7g.xlarge": 0.252,
  "cache.r7g.large": 0.1752,
  "cache.r7g.xlarge": 0.3496,
};

export interface CostLine {
  what: string;
  count: number;
  /** USD per hour and unit. */
  price: number;
}

/**
 * On-demand cost of a stack in USD per hour, at rest (the minimum number of tasks) or at full scale (the maximum number). All GPU instances
 * are of the first instance type. Not included: requests to the load balancer, WAF, KMS keys, disks, logs, storage, and traffic.
 */
export function hourlyCost(aws: AwsSettings, scale: "rest" | "full"): { lines: CostLine[]; total: number } {
  const { availabilityZones, vpcEndpoints } = aws.network;
  const { nodeType, nodes } = aws.redis;
  const gateways = natGateways(aws.network);
  const tasks = ({ minTasks, maxTasks }: ServiceSpec) => (scale === "rest" ? minTasks : maxTasks);
  const services = serviceSpecs(aws);
  const instanceType = aws.gpu.instanceTypes.find(isInstanceType);
  const instance = instanceType && INSTANCE_TYPES[instanceType];
  const gpuTasks = services.filter(({ gpu }) => gpu).reduce((sum, service) => sum + tasks(service), 0);
  const lines: CostLine[] = [
    {
      what: `GPU instance, ${instanceType}`,
      count: instance ? Math.ceil(gpuTasks / instance.gpus) : 0,
      price: instance?.price ?? 0,
    },
    ...services
      .filter(({ gpu }) => !gpu)
      .map((service) => ({
        what: `${service.name} on Fargate`,
        count: tasks(service),
        price: (service.cpu / 1024) * PRICES.fargateVcpu + (service.memory / 1024) * PRICES.fargateGb,
      })),
    {
      what: `Redis node, ${nodeType}`,
      count: nodeType in REDIS_NODE_PRICES ? nodes : 0,
      price: REDIS_NODE_PRICES[nodeType],
    },
    { what: "load balancer", count: 1, price: PRICES.loadBalancer },
    { what: "NAT gateway", count: gateways, price: PRICES.natGateway },
    { what: "public IPv4 address", count: gateways + availabilityZones, price: PRICES.publicIpv4Address },
    {
      what: "interface endpoint in a zone",
      count: vpcEndpoints ? INTERFACE_ENDPOINTS.length * availabilityZones : 0,
      price: PRICES.interfaceEndpoint,
    },
  ].filter(({ count }) => count > 0);
  return { lines, total: lines.reduce((sum, { count, price }) => sum + count * price, 0) };
}
