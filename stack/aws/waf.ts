import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

export interface WafArgs {
  balancerArn: pulumi.Input<string>;
  logDays: number;
  kmsKeyArn?: pulumi.Input<string>;
}

/** Requests of one address in five minutes, above which it is blocked for a while. */
const RATE = 2000;

/**
 * Routes whose bodies are not looked into: a file's content is no attack because it looks like one, and what Stripe sends is signed and
 * may be large.
 */
const OPAQUE = "^/v1/((depth|pose|reconstruct|measure|floorplan|segment-3d|inspect)(/[a-z]+)?|billing/webhooks)$";

/**
 * The rule groups that AWS maintains, and the rules of each that look at a body, or at its size; of a load balancer's request WAF sees the
 * first 8 KB. Those only count and label the request: the rule after them blocks by the labels.
 * https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html
 */
const GROUPS: readonly { name: string; labels?: string; bodyRules: readonly string[] }[] = [
  { name: "AWSManagedRulesAmazonIpReputationList", bodyRules: [] },
  {
    name: "AWSManagedRulesKnownBadInputsRuleSet",
    labels: "known-bad-inputs",
    bodyRules: ["JavaDeserializationRCE", "Log4JRCE", "ReactJSRCE"],
  },
  {
    name: "AWSManagedRulesCommonRuleSet",
    labels: "core-rule-set",
    bodyRules: ["SizeRestrictions", "GenericLFI", "GenericRFI", "CrossSiteScripting", "EC2MetaDataSSRF"],
  },
];

const LABELS = GROUPS.flatMap(({ labels, bodyRules }) =>
  bodyRules.map((rule) => `awswaf:managed:aws:${labels}:${rule}_Body`),
);

/** AWS WAF before the load balancer: the rules that AWS maintains, and a limit for each address. */
export class Waf extends pulumi.ComponentResource {
  constructor(name: string, args: WafArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Waf", name, {}, opts);
    const child = { parent: this };
    const acl = new aws.wafv2.WebAcl(
      "waf",
      {
        name,
        scope: "REGIONAL",
        defaultAction: { allow: {} },
        visibilityConfig: visible(name),
        rules: [...GROUPS.map(managed), attackInBody(GROUPS.length), limit(GROUPS.length + 1)],
      },
      child,
    );
    new aws.wafv2.WebAclAssociation("waf", { webAclArn: acl.arn, resourceArn: args.balancerArn }, child);
    const log = new aws.cloudwatch.LogGroup(
      "waf",
      // The prefix is WAF's own rule.
      { name: `aws-waf-logs-${name}`, retentionInDays: args.logDays, kmsKeyId: args.kmsKeyArn },
      child,
    );
    new aws.wafv2.WebAclLoggingConfiguration(
      "waf",
      {
        resourceArn: acl.arn,
        logDestinationConfigs: [log.arn],
        redactedFields: ["x-api-key", "authorization"].map((header) => ({ singleHeader: { name: header } })),
      },
      child,
    );
    this.registerOutputs();
  }
}

type Rule = aws.types.input.wafv2.WebAclRule;

const visible = (metricName: string) => ({ metricName, cloudwatchMetricsEnabled: true, sampledRequestsEnabled: true });

const managed = ({ name, bodyRules }: (typeof GROUPS)[number], priority: number): Rule => ({
  name,
  priority,
  overrideAction: { none: {} },
  statement: {
    managedRuleGroupStatement: {
      vendorName: "AWS",
      name,
      ruleActionOverrides: bodyRules.map((rule) => ({ name: `${rule}_BODY`, actionToUse: { count: {} } })),
    },
  },
  visibilityConfig: visible(name),
});

/** Blocks what any rule about bodies has labelled, but on the opaque routes. One rule, for each takes time in every preview. */
const attackInBody = (priority: number): Rule => ({
  name: "AttackInBody",
  priority,
  action: { block: {} },
  statement: {
    andStatement: {
      statements: [
        {
          orStatement: {
            statements: LABELS.map((key) => ({ labelMatchStatement: { scope: "LABEL", key } })),
          },
        },
        {
          notStatement: {
            statement: {
              regexMatchStatement: {
                regexString: OPAQUE,
                fieldToMatch: { uriPath: {} },
                textTransformations: [{ priority: 0, type: "NONE" }],
              },
            },
          },
        },
      ],
    },
  },
  visibilityConfig: visible("AttackInBody"),
});

const limit = (priority: number): Rule => ({
  name: "RateOfAnAddress",
  priority,
  action: { block: {} },
  statement: { rateBasedStatement: { limit: RATE, aggregateKeyType: "IP" } },
  visibilityConfig: visible("RateOfAnAddress"),
});
