import { meets, type Resource, type Rule, type StackResource } from "../rule";
import { at, isOneOf, isTrue, list, properties } from "../values";

/** The CIDR blocks of the whole internet. */
const INTERNET = ["0.0.0.0/0", "::/0"];
/** The ports of the load balancer. */
const PUBLIC_PORTS = [80, 443];

const INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
const LOAD_BALANCER = "aws:lb/loadBalancer:LoadBalancer";

const isInternet = (...blocks: unknown[]): boolean =>
  blocks.flatMap(list).some((block) => INTERNET.includes(block as string));

const isOpen = ({ cidrIpv4, cidrIpv6 }: Resource["props"]): boolean => isInternet(cidrIpv4, cidrIpv6);

const openInline = (rules: unknown): boolean =>
  list(rules).some((rule) => isInternet(at(rule, "cidrBlocks"), at(rule, "ipv6CidrBlocks")));

const SEPARATE_RULE =
  "a rule allows connections from the internet: use a SecurityGroupIngressRule, and only for the load balancer";

const INGRESS = meets({
  [INGRESS_RULE]: [
    [
      (props) =>
        !isOpen(props) ||
        (isOneOf(props.ipProtocol, "tcp") &&
          props.fromPort === props.toPort &&
          isOneOf(props.fromPort, ...PUBLIC_PORTS)),
      `the internet can reach other ports than ${PUBLIC_PORTS.join(" and ")}: limit cidrIpv4, or refer to a security group`,
    ],
  ],
  "aws:ec2/securityGroup:SecurityGroup": [[({ ingress }) => !openInline(ingress), SEPARATE_RULE]],
  "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": [[({ ingress }) => !openInline(ingress), SEPARATE_RULE]],
  "aws:ec2/securityGroupRule:SecurityGroupRule": [
    [
      ({ type, cidrBlocks, ipv6CidrBlocks }) => type !== "ingress" || !isInternet(cidrBlocks, ipv6CidrBlocks),
      SEPARATE_RULE,
    ],
  ],
});

/** Properties that give a resource a public address, at any depth of its inputs. */
const PUBLIC_ADDRESS = new Set([
  "associatePublicIpAddress",
  "assignPublicIp",
  "mapPublicIpOnLaunch",
  "publiclyAccessible",
  "endpointPublicAccess",
]);

const publicAddresses = ({ props }: Resource): string[] =>
  [...properties(props)]
    .filter(([, key, value]) => PUBLIC_ADDRESS.has(key) && (value === true || value === "true"))
    .map(([path]) => `it is reachable from the internet: remove ${path}`);

/** The four settings that block public access to a bucket. */
const BLOCKS = ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"];

const BUCKET = meets({
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": BLOCKS.map((key) => [
    (props) => isTrue(props[key]),
    `public access is not blocked: set ${key}`,
  ]),
  "aws:s3/bucketAcl:BucketAcl": [
    [({ acl }) => isOneOf(acl, undefined, "private"), "the ACL gives access: remove it, and use a bucket policy"],
  ],
});

/** Resources other than security group rules that use a security group. */
const usersOf = (group: string, resources: readonly StackResource[]) =>
  resources.filter(
    ({ type, propertyDependencies }) =>
      !/:SecurityGroup\w*Rule$/.test(type) && Object.values(propertyDependencies).some((urns) => urns.includes(group)),
  );

export const PUBLIC_ACCESS: readonly Rule[] = [
  {
    name: "no-public-ingress",
    description: `The internet reaches only the ports ${PUBLIC_PORTS.join(" and ")}.`,
    check: INGRESS,
  },
  {
    name: "public-load-balancer-only",
    description: "The internet reaches only the load balancer.",
    checkStack: (resources) =>
      resources
        .filter((one) => one.type === INGRESS_RULE && isOpen(one.props))
        .flatMap((resource) => {
          const groups = resource.propertyDependencies.securityGroupId ?? [];
          const users = groups.flatMap((group) => usersOf(group, resources));
          return users
            .filter(({ type }) => type !== LOAD_BALANCER)
            .map(({ name }) => ({
              resource,
              message: `its security group opens ${name} to the internet: limit cidrIpv4`,
            }));
        }),
  },
  {
    name: "no-public-address",
    description: "Only the load balancer has a public address.",
    check: publicAddresses,
  },
  { name: "no-public-bucket", description: "Buckets block public access.", check: BUCKET },
];
