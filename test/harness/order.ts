import { expect } from "vitest";
import type { StateResource } from "./aws-stack";

/** What must go before what it needs, as `type::name` without the package's name. */
const GOES_BEFORE = [
  ["ecs/service:Service::api", "ecs/clusterCapacityProviders:ClusterCapacityProviders::cluster"],
  ["ecs/service:Service::worker", "ecs/clusterCapacityProviders:ClusterCapacityProviders::cluster"],
  ["ecs/service:Service::api", "lb/listenerRule:ListenerRule::public-1"],
  ["ecs/service:Service::api", "iam/rolePolicy:RolePolicy::api-execution"],
  ["ecs/clusterCapacityProviders:ClusterCapacityProviders::cluster", "ecs/capacityProvider:CapacityProvider::gpu"],
  ["ecs/capacityProvider:CapacityProvider::gpu", "autoscaling/group:Group::gpu"],
  ["autoscaling/group:Group::gpu", "ec2/launchTemplate:LaunchTemplate::host"],
  // Until the last host is gone its agent must be allowed to speak, and have a way to ECS.
  ["autoscaling/group:Group::gpu", "iam/rolePolicy:RolePolicy::host"],
  ["autoscaling/group:Group::gpu", "ec2/route:Route::private-0"],
  ["autoscaling/group:Group::gpu", "ec2/routeTableAssociation:RouteTableAssociation::private-0-0"],
  ["autoscaling/group:Group::gpu", "vpc/securityGroupEgressRule:SecurityGroupEgressRule::hosts-internet-443"],
  ["autoscaling/group:Group::gpu", "ecs/cluster:Cluster::cluster"],
  ["ecs/service:Service::beat", "ec2/route:Route::private-0"],
  ["ecs/service:Service::worker", "vpc/securityGroupEgressRule:SecurityGroupEgressRule::worker-redis-6379"],
  ["ec2/route:Route::private-0", "ec2/natGateway:NatGateway::nat-0"],
  ["ec2/natGateway:NatGateway::nat-0", "ec2/internetGateway:InternetGateway::internet"],
  ["ec2/natGateway:NatGateway::nat-0", "ec2/route:Route::public"],
  ["lb/loadBalancer:LoadBalancer::entry", "ec2/internetGateway:InternetGateway::internet"],
  ["elasticache/replicationGroup:ReplicationGroup::redis", "elasticache/parameterGroup:ParameterGroup::redis"],
];

/** Looks in a state for what keeps the order in which a stack is destroyed: that each depends on the other, directly or not. */
export function expectOrder(resources: readonly StateResource[]): void {
  const find = (name: string) => {
    const found = resources.find(({ urn }) => urn.endsWith(`aws:${name}`));
    if (!found) throw new Error(`the stack has no ${name}`);
    return found;
  };
  const reaches = (from: StateResource, to: StateResource, seen = new Set<string>()): boolean =>
    (from.dependencies ?? []).some((urn) => {
      const next = resources.find((one) => one.urn === urn);
      if (!next || seen.has(urn)) return false;
      seen.add(urn);
      return next === to || reaches(next, to, seen);
    });
  for (const [first, then] of GOES_BEFORE) {
    expect(reaches(find(first), find(then)), `${first} depends on ${then}`).toBe(true);
  }
}
