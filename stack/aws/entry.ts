import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { AccessLogs } from "./access-logs";
import { certificate } from "./certificate";
import { DENIED_PATHS, PUBLIC_PATHS, VALUES_PER_RULE } from "./public-paths";
import type { Place } from "./roles";
import { IDLE_S } from "./timeouts";
import { Waf } from "./waf";

export interface EntryArgs extends Place {
  vpcId: pulumi.Input<string>;
  subnetIds: pulumi.Input<string>[];
  /** What must be there before a load balancer can face the internet. */
  after: pulumi.Resource[];
  securityGroupId: pulumi.Input<string>;
  /** Certificate for HTTPS; empty: one is requested for the domain, or there is none and it speaks plain HTTP. */
  certificateArn: string;
  /** Name of the service; empty: that of the load balancer. */
  domain: string;
  /** Hosted zone that gets the domain's record; empty: the record is made elsewhere. */
  hostedZoneId: string;
  /** Patterns of the paths that are public; default: those of the application. All else is answered with 404. */
  publicPaths?: readonly string[];
  /** Port of the API's tasks. */
  port: number;
  /** AWS WAF before it. */
  waf: boolean;
  /** Days that access logs are kept. */
  logDays: number;
  protect: boolean;
  kmsKeyArn?: pulumi.Input<string>;
}

/** The load balancer: the only part that the internet reaches. */
export class Entry extends pulumi.ComponentResource {
  readonly url: pulumi.Output<string>;
  readonly targetGroup: aws.lb.TargetGroup;
  /** As CloudWatch's metrics name it. */
  readonly balancerArnSuffix: pulumi.Output<string>;
  /** What the service must depend on: a target group takes targets once a listener has it. */
  readonly ready: pulumi.Resource[];

  constructor(name: string, args: EntryArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Entry", name, {}, opts);
    const child = { parent: this };
    const logs = new AccessLogs(name, { ...args, days: args.logDays }, child);
    const balancer = new aws.lb.LoadBalancer(
      "entry",
      {
        name,
        loadBalancerType: "application",
        subnets: args.subnetIds,
        securityGroups: [args.securityGroupId],
        idleTimeout: IDLE_S,
        dropInvalidHeaderFields: true,
        desyncMitigationMode: "defensive",
        xffHeaderProcessingMode: "append",
        accessLogs: { enabled: true, bucket: logs.bucket },
        enableDeletionProtection: args.protect,
      },
      { ...child, dependsOn: [logs.ready, ...args.after] },
    );
    if (args.waf) new Waf(name, { ...args, balancerArn: balancer.arn }, child);
    this.balancerArnSuffix = balancer.arnSuffix;
    this.targetGroup = new aws.lb.TargetGroup(
      "api",
      {
        vpcId: args.vpcId,
        port: args.port,
        protocol: "HTTP",
        targetType: "ip",
        deregistrationDelay: IDLE_S,
        healthCheck: {
          path: "/health",
          matcher: "200",
          interval: 15,
          timeout: 5,
          healthyThreshold: 2,
          unhealthyThreshold: 4,
        },
      },
      child,
    );
    const certificateArn =
      args.certificateArn || (args.hostedZoneId && certificate(args.domain, args.hostedZoneId, child)) || undefined;
    const secure = certificateArn !== undefined;
    const listener = new aws.lb.Listener(
      "entry",
      {
        loadBalancerArn: balancer.arn,
        ...(secure
          ? {
              port: 443,
              protocol: "HTTPS",
              sslPolicy: "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
              certificateArn,
            }
          : { port: 80, protocol: "HTTP" }),
        defaultActions: [NOT_FOUND],
      },
      child,
    );
    if (secure) {
      new aws.lb.Listener(
        "redirect",
        {
          loadBalancerArn: balancer.arn,
          port: 80,
          protocol: "HTTP",
          defaultActions: [{ type: "redirect", redirect: { port: "443", protocol: "HTTPS", statusCode: "HTTP_301" } }],
        },
        child,
      );
    }
    this.ready = rules(listener, this.targetGroup, args.publicPaths ?? PUBLIC_PATHS, child);
    if (args.domain && args.hostedZoneId) {
      const alias = { name: balancer.dnsName, zoneId: balancer.zoneId, evaluateTargetHealth: false };
      new aws.route53.Record(
        "entry",
        { zoneId: args.hostedZoneId, name: args.domain, type: "A", aliases: [alias] },
        child,
      );
    }
    this.url = pulumi.interpolate`${secure ? "https" : "http"}://${args.domain || balancer.dnsName}`;
    this.registerOutputs({ url: this.url });
  }
}

/** What is denied first, and then what is public. */
function rules(
  listener: aws.lb.Listener,
  target: aws.lb.TargetGroup,
  publicPaths: readonly string[],
  child: pulumi.CustomResourceOptions,
): aws.lb.ListenerRule[] {
  const all = [
    ...chunks(DENIED_PATHS, VALUES_PER_RULE).map((values) => ({ kind: "denied", values, actions: [NOT_FOUND] })),
    ...chunks(publicPaths, VALUES_PER_RULE).map((values) => ({
      kind: "public",
      values,
      actions: [{ type: "forward", targetGroupArn: target.arn }],
    })),
  ];
  return all.map(
    ({ kind, values, actions }, place) =>
      new aws.lb.ListenerRule(
        `${kind}-${place}`,
        { listenerArn: listener.arn, priority: place + 1, conditions: [{ pathPattern: { values } }], actions },
        child,
      ),
  );
}

const NOT_FOUND = {
  type: "fixed-response",
  fixedResponse: { contentType: "text/plain", statusCode: "404", messageBody: "not found" },
};

function chunks<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, place) =>
    list.slice(place * size, (place + 1) * size),
  );
}
