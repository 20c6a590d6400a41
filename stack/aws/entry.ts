import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { IDLE_S } from "./timeouts";

export interface EntryArgs {
  vpcId: pulumi.Input<string>;
  subnetIds: pulumi.Input<string>[];
  securityGroupId: pulumi.Input<string>;
  /** Certificate for HTTPS; none: plain HTTP. */
  certificateArn?: string;
  /** Patterns of the paths that are public; all else is answered with 404. */
  publicPaths: readonly string[];
  /** Port of the API's tasks. */
  port: number;
  protect: boolean;
}

/** Conditions of one listener rule: values of all of them together. */
const VALUES_PER_RULE = 5;

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
        enableDeletionProtection: args.protect,
      },
      child,
    );
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
    const secure = args.certificateArn !== undefined;
    const listener = new aws.lb.Listener(
      "entry",
      {
        loadBalancerArn: balancer.arn,
        ...(secure
          ? {
              port: 443,
              protocol: "HTTPS",
              sslPolicy: "ELBSecurityPolicy-TLS13-1-2-2021-06",
              certificateArn: args.certificateArn,
            }
          : { port: 80, protocol: "HTTP" }),
        defaultActions: [
          {
            type: "fixed-response",
            fixedResponse: { contentType: "text/plain", statusCode: "404", messageBody: "not found" },
          },
        ],
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
    this.ready = chunks(args.publicPaths, VALUES_PER_RULE).map(
      (some, place) =>
        new aws.lb.ListenerRule(
          `public-${place}`,
          {
            listenerArn: listener.arn,
            priority: place + 1,
            conditions: [{ pathPattern: { values: some } }],
            actions: [{ type: "forward", targetGroupArn: this.targetGroup.arn }],
          },
          child,
        ),
    );
    this.url = pulumi.interpolate`${secure ? "https" : "http"}://${balancer.dnsName}`;
    this.registerOutputs({ url: this.url });
  }
}

function chunks<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, place) =>
    list.slice(place * size, (place + 1) * size),
  );
}
