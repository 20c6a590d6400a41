import { expect } from "vitest";
import type { StateResource } from "./aws-stack";

/** Resources and what they depend on, directly or not. Each is `type::name` without the name of the package. */
const DEPENDENCIES = [
  ["ecs/service:Service::api", "ecs/clusterCapacityProviders:ClusterCapacityProviders::cluster"],
  ["ecs/service:Service::worker", "ecs/clusterCapacityProviders:ClusterCapacityProviders::cluster"],
  ["ecs/service:Service::api", "lb/listenerRule:ListenerRule::load-balancer-public-1"],
  ["ecs/service:Service::api", "iam/rolePolicy:RolePolicy::api-execution"],
  [
    "ecs/clusterCapacityProviders:ClusterCapacityProviders::cluster",
    "ecs/capacityProvider:CapacityProvider::cluster-gpu",
  ],
  ["ecs/capacityProvider:CapacityProvider::cluster-gpu", "autoscaling/group:Group::cluster-gpu"],
  ["autoscaling/group:Group::cluster-gpu", "ec2/launchTemplate:LaunchTemplate::cluster-gpu"],
  // The ECS agent needs its permissions and access to ECS until the last GPU instance is deleted.
  ["autoscaling/group:Group::cluster-gpu", "iam/rolePolicy:RolePolicy::cluster-gpu"],
  ["autoscaling/group:Group::cluster-gpu", "ec2/route:Route::network-private-0"],
  ["autoscaling/group:Group::cluster-gpu", "ec2/routeTableAssociation:RouteTableAssociation::network-private-0-0"],
  [
    "autoscaling/group:Group::cluster-gpu",
    "vpc/securityGroupEgressRule:SecurityGroupEgressRule::security-groups-gpu-instances-internet-443",
  ],
  ["autoscaling/group:Group::cluster-gpu", "ecs/cluster:Cluster::cluster"],
  ["ecs/service:Service::beat", "ec2/route:Route::network-private-0"],
  [
    "ecs/service:Service::worker",
    "vpc/securityGroupEgressRule:SecurityGroupEgressRule::security-groups-worker-redis-6379",
  ],
  ["ec2/route:Route::network-private-0", "ec2/natGateway:NatGateway::network-nat-0"],
  ["ec2/natGateway:NatGateway::network-nat-0", "ec2/internetGateway:InternetGateway::network-internet"],
  ["ec2/natGateway:NatGateway::network-nat-0", "ec2/route:Route::network-public"],
  ["lb/loadBalancer:LoadBalancer::load-balancer", "ec2/internetGateway:InternetGateway::network-internet"],
  [
    "elasticache/replicationGroup:ReplicationGroup::redis",
    "elasticache/parameterGroup:ParameterGroup::redis-parameters",
  ],
];

/** Expects the dependencies that Pulumi needs to create and delete the resources of a stack in a working order. */
export function expectOrder(resources: readonly StateResource[]): void {
  const find = (name: string) => {
    const found = resources.find(({ urn }) => urn.endsWith(`aws:${name}`));
    if (!found) throw new Error(`the stack has no ${name}`);
    return found;
  };
  const dependsOn = (from: StateResource, to: StateResource, seen = new Set<string>()): boolean =>
    (from.dependencies ?? []).some((urn) => {
      const next = resources.find((one) => one.urn === urn);
      if (!next || seen.has(urn)) return false;
      seen.add(urn);
      return next === to || dependsOn(next, to, seen);
    });
  for (const [resource, dependency] of DEPENDENCIES) {
    expect(dependsOn(find(resource), find(dependency)), `${resource} depends on ${dependency}`).toBe(true);
  }
}
