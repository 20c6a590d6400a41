import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { APPLICATION } from "../../app/application";
import { LOAD_BALANCED_ROLE } from "../../roles";
import type { AwsContext } from "../context";
import { AccessLogs } from "./access-logs";
import { certificate } from "./certificate";
import { listenerRules, NOT_FOUND } from "./listener-rules";
import { IDLE_TIMEOUT_S } from "./timeouts";
import { Waf } from "./waf";

export interface LoadBalancerArgs extends AwsContext {
  /** Name in AWS. */
  name: string;
  vpcId: pulumi.Input<string>;
  /** Public subnets. */
  subnetIds: pulumi.Input<string>[];
  securityGroupId: pulumi.Input<string>;
  /** Resources that an internet-facing load balancer requires: the routes of the public subnets. */
  dependencies: pulumi.Resource[];
  /** ARN of the ACM certificate for HTTPS. Empty: with a hosted zone, a certificate is requested. Without one, the listener uses HTTP. */
  certificateArn: string;
  /** Domain name of the service. Empty: the DNS name of the load balancer. */
  domainName: string;
  /** Route 53 hosted zone for the DNS record of the domain name. Empty: the record is created elsewhere. */
  hostedZoneId: string;
  /** Patterns of the public paths. The load balancer returns 404 for all other paths. Default: the public paths of the application. */
  publicPaths?: readonly string[];
  /** Creates a web ACL of AWS WAF for the load balancer. */
  waf: boolean;
  /** Retention of access logs and WAF logs in days. */
  logRetentionDays: number;
  /** Refuses to delete the load balancer, and a bucket that contains access logs. */
  deletionProtection: boolean;
  /** Encrypts the WAF logs. Default: a key that AWS owns. */
  kmsKeyArn?: pulumi.Input<string>;
}

/**
 * The Application Load Balancer: the only part of the stack that the internet can reach.
 *
 * Cost: the load balancer by the hour and by its capacity units. AWS WAF by the rule and by the request.
 */
export class LoadBalancer extends pulumi.ComponentResource {
  readonly url: pulumi.Output<string>;
  /** Target group of the load-balanced role. */
  readonly targetGroup: aws.lb.TargetGroup;
  /** Suffix of the ARN, which CloudWatch metrics use as the dimension `LoadBalancer`. */
  readonly arnSuffix: pulumi.Output<string>;
  /** A service must depend on the rules: a target group accepts targets only after a listener uses it. */
  readonly rules: pulumi.Resource[];

  constructor(name: string, args: LoadBalancerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:LoadBalancer", name, {}, opts);
    const child = { parent: this };
    const logs = new AccessLogs(`${name}-access-logs`, { ...args, retentionDays: args.logRetentionDays }, child);
    const loadBalancer = new aws.lb.LoadBalancer(
      name,
      {
        name: args.name,
        loadBalancerType: "application",
        subnets: args.subnetIds,
        securityGroups: [args.securityGroupId],
        idleTimeout: IDLE_TIMEOUT_S,
        dropInvalidHeaderFields: true,
        desyncMitigationMode: "defensive",
        xffHeaderProcessingMode: "append",
        accessLogs: { enabled: true, bucket: logs.bucketName },
        enableDeletionProtection: args.deletionProtection,
      },
      { ...child, dependsOn: [logs.policy, ...args.dependencies] },
    );
    if (args.waf) new Waf(`${name}-waf`, { ...args, loadBalancerArn: loadBalancer.arn }, child);
    this.arnSuffix = loadBalancer.arnSuffix;

    const certificateArn = certificateOf(name, args, child);
    const listener = mainListener(name, loadBalancer, certificateArn, child);
    const publicPaths = args.publicPaths ?? APPLICATION.publicPaths;
    this.targetGroup = targetGroup(`${name}-${LOAD_BALANCED_ROLE.name}`, args.vpcId, child);
    this.rules = listenerRules(name, listener, this.targetGroup, publicPaths, child);

    if (args.domainName && args.hostedZoneId) {
      const alias = { name: loadBalancer.dnsName, zoneId: loadBalancer.zoneId, evaluateTargetHealth: false };
      const record = { zoneId: args.hostedZoneId, name: args.domainName, type: "A", aliases: [alias] };
      new aws.route53.Record(`${name}-alias`, record, child);
    }
    const scheme = certificateArn === undefined ? "http" : "https";
    this.url = pulumi.interpolate`${scheme}://${args.domainName || loadBalancer.dnsName}`;
    this.registerOutputs({ url: this.url });
  }
}

function certificateOf(
  name: string,
  { certificateArn, domainName, hostedZoneId }: LoadBalancerArgs,
  opts: pulumi.CustomResourceOptions,
): pulumi.Input<string> | undefined {
  if (certificateArn) return certificateArn;
  return hostedZoneId ? certificate(`${name}-certificate`, domainName, hostedZoneId, opts) : undefined;
}

function targetGroup(
  name: string,
  vpcId: pulumi.Input<string>,
  opts: pulumi.CustomResourceOptions,
): aws.lb.TargetGroup {
  return new aws.lb.TargetGroup(
    name,
    {
      vpcId,
      port: APPLICATION.port,
      protocol: "HTTP",
      targetType: "ip",
      deregistrationDelay: IDLE_TIMEOUT_S,
      healthCheck: {
        path: APPLICATION.healthPath,
        matcher: "200",
        interval: 15,
        timeout: 5,
        healthyThreshold: 2,
        unhealthyThreshold: 4,
      },
    },
    opts,
  );
}

/** Creates the main listener. With a certificate it uses HTTPS, and a second listener redirects HTTP to it. */
function mainListener(
  name: string,
  loadBalancer: aws.lb.LoadBalancer,
  certificateArn: pulumi.Input<string> | undefined,
  opts: pulumi.CustomResourceOptions,
): aws.lb.Listener {
  const loadBalancerArn = loadBalancer.arn;
  const https = {
    port: 443,
    protocol: "HTTPS",
    sslPolicy: "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
    certificateArn,
  };
  const http = { port: 80, protocol: "HTTP" };
  const listener = new aws.lb.Listener(
    name,
    { loadBalancerArn, ...(certificateArn === undefined ? http : https), defaultActions: [NOT_FOUND] },
    opts,
  );
  if (certificateArn !== undefined) {
    const redirect = { port: "443", protocol: "HTTPS", statusCode: "HTTP_301" };
    new aws.lb.Listener(
      `${name}-redirect`,
      { loadBalancerArn, ...http, defaultActions: [{ type: "redirect", redirect }] },
      opts,
    );
  }
  return listener;
}
