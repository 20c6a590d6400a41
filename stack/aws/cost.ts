import type { AwsSettings } from "../settings/aws";
import { GPU_TYPES, isGpuType } from "./gpu-types";
import { ENDPOINTS } from "./network";
import { roles } from "./role-table";

/**
 * USD an hour, us-east-1, as published in 2026. Sources: NAT gateway, https://cloudpipelines.pages.dev/guides/aws-nat-gateway-pricing-2026/;
 * interface endpoint and public IPv4 address, https://www.factualminds.com/blog/amazon-vpc-pricing-endpoints-peering-transit-gateway/;
 * Fargate, Linux on x86_64, https://www.fortem.dev/blog/aws-fargate-pricing-real-costs; load balancer without its capacity units,
 * https://cloud-horizons.com/blog/alb-the-line-item-nobody-watches/.
 */
const PRICES = {
  natGateway: 0.045,
  /** In each zone. */
  endpoint: 0.01,
  publicIp: 0.005,
  fargateVcpu: 0.04048,
  fargateGb: 0.004445,
  loadBalancer: 0.0225,
} as const;

/** USD an hour for a Valkey node, us-east-1, on-demand: the AWS Price List of 2026-10-02, at second hand. Other types have no line. */
const REDIS_NODES: Record<string, number> = {
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
  /** USD an hour for each. */
  price: number;
}

/**
 * What a stack costs an hour, at rest (the least tasks) or at full scale (the most), on-demand. A GPU task takes a host of the first type.
 * Not in it: requests to the load balancer, WAF, keys, disks, logs, storage and traffic.
 */
export function hourlyCost(aws: AwsSettings, at: "rest" | "full"): { lines: CostLine[]; total: number } {
  const { zones, natPerZone, endpoints } = aws.network;
  const { nodeType, nodes } = aws.redis;
  const nats = natPerZone ? zones : 1;
  const count = (role: { tasks: number; maxTasks: number }) => (at === "rest" ? role.tasks : role.maxTasks);
  const all = roles(aws);
  const type = aws.gpu.types.find(isGpuType);
  const onGpu = all.filter((role) => role.onGpu).reduce((sum, role) => sum + count(role), 0);
  const gpu = type && GPU_TYPES[type];
  const lines: CostLine[] = [
    { what: `GPU host, ${type}`, count: gpu ? Math.ceil(onGpu / gpu.gpus) : 0, price: gpu?.price ?? 0 },
    ...all
      .filter((role) => !role.onGpu)
      .map((role) => ({
        what: `${role.name} on Fargate`,
        count: count(role),
        price: (role.cpu / 1024) * PRICES.fargateVcpu + (role.memory / 1024) * PRICES.fargateGb,
      })),
    { what: `Redis node, ${nodeType}`, count: nodeType in REDIS_NODES ? nodes : 0, price: REDIS_NODES[nodeType] },
    { what: "load balancer", count: 1, price: PRICES.loadBalancer },
    { what: "NAT gateway", count: nats, price: PRICES.natGateway },
    { what: "public IPv4 address", count: nats + zones, price: PRICES.publicIp },
    { what: "interface endpoint in a zone", count: endpoints ? ENDPOINTS.length * zones : 0, price: PRICES.endpoint },
  ].filter((line) => line.count > 0);
  return { lines, total: lines.reduce((sum, line) => sum + line.count * line.price, 0) };
}
