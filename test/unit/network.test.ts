import { describe, expect, it } from "vitest";
import { Network } from "../../stack/aws/network/network";
import { SecurityGroups } from "../../stack/aws/network/security-groups";
import { subnetCidrBlock } from "../../stack/aws/network/subnets";
import { awsSettingsSchema } from "../../stack/config/aws-schema";
import { AWS, mockedEngine } from "../harness/mocks";

const { created, inputsOf } = mockedEngine("dev");

const INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";

describe("Network", () => {
  const ARGS = {
    ...awsSettingsSchema.parse({}).network,
    ...AWS,
    accountId: "1",
    name: "sf",
    cidrBlock: "10.40.0.0/16",
    availabilityZones: ["zone-c", "zone-a", "zone-b"],
    natGatewayPerZone: true,
    vpcEndpoints: true,
    flowLogRetentionDays: 90,
  };

  it.each([
    ["10.40.0.0/16", "private", 0, "10.40.0.0/20"],
    ["10.40.0.0/16", "private", 2, "10.40.32.0/20"],
    ["10.40.0.0/16", "public", 0, "10.40.128.0/20"],
    ["192.168.16.0/20", "public", 1, "192.168.25.0/24"],
  ] as const)("in the VPC %s the %s subnet %i is %s", (vpc, kind, index, cidrBlock) => {
    expect(subnetCidrBlock(vpc, kind, index)).toBe(cidrBlock);
  });

  it("routes each zone through its own NAT gateway", async () => {
    new Network("network", ARGS);
    const natGateways = await created("aws:ec2/natGateway:NatGateway");
    expect(Object.values(natGateways).map(({ subnetId }) => subnetId)).toEqual([
      "network-public-0-id",
      "network-public-1-id",
      "network-public-2-id",
    ]);
    const routes = inputsOf("aws:ec2/route:Route");
    expect(routes["network-private-2"]).toMatchObject({
      natGatewayId: "network-nat-2-id",
      destinationCidrBlock: "0.0.0.0/0",
    });
    expect(routes["network-public"]).toMatchObject({ gatewayId: "network-internet-id" });
  });

  it("creates a private and a public subnet in each zone", async () => {
    new Network("network", ARGS);
    const subnets = await created("aws:ec2/subnet:Subnet");
    const zonesOf = (kind: string) => [0, 1, 2].map((zone) => subnets[`network-${kind}-${zone}`].availabilityZone);
    expect(zonesOf("private")).toEqual(ARGS.availabilityZones);
    expect(zonesOf("public")).toEqual(ARGS.availabilityZones);
  });

  it("removes all rules from the default security group, and lets only the VPC reach the endpoints", async () => {
    new Network("network", ARGS);
    const defaultGroups = await created("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup");
    expect(defaultGroups["network-default"]).toMatchObject({ ingress: [], egress: [] });
    expect(inputsOf(INGRESS)).toMatchObject({
      "network-vpc-endpoints": { cidrIpv4: "10.40.0.0/16", fromPort: 443, toPort: 443 },
    });
  });

  it("creates one NAT gateway and no optional resource by default", async () => {
    const minimal = { natGatewayPerZone: false, vpcEndpoints: false, flowLogRetentionDays: 0 };
    new Network("network", { ...ARGS, availabilityZones: ["zone-a", "zone-b"], ...minimal });
    expect(Object.keys(await created("aws:ec2/natGateway:NatGateway"))).toEqual(["network-nat-0"]);
    expect(inputsOf("aws:ec2/route:Route")["network-private-1"].natGatewayId).toBe("network-nat-0-id");
    expect(Object.keys(inputsOf("aws:ec2/vpcEndpoint:VpcEndpoint"))).toEqual(["network-s3"]);
    expect(inputsOf("aws:ec2/flowLog:FlowLog")).toEqual({});
  });
});

it("SecurityGroups: the internet reaches only the load balancer, and all other rules refer to a security group", async () => {
  new SecurityGroups("security-groups", { name: "sf", vpcId: "vpc-1" });
  const rules = await created(INGRESS);
  const open = Object.values(rules).filter(({ cidrIpv4 }) => cidrIpv4);
  expect(open.map(({ securityGroupId, fromPort }) => [securityGroupId, fromPort])).toEqual([
    ["security-groups-load-balancer-id", 443],
    ["security-groups-load-balancer-id", 80],
  ]);
  expect(rules["security-groups-worker-redis-6379"]).toMatchObject({
    referencedSecurityGroupId: "security-groups-worker-id",
    securityGroupId: "security-groups-redis-id",
  });
});
