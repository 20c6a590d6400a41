import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { APPLICATION } from "../../app/application";

export interface WafArgs {
  /** Name in AWS. */
  name: string;
  loadBalancerArn: pulumi.Input<string>;
  /** Retention of the logs in days. */
  logRetentionDays: number;
  /** Encrypts the logs. Default: a key that AWS owns. */
  kmsKeyArn?: pulumi.Input<string>;
}

/** Number of requests from one IP address in five minutes above which AWS WAF blocks the address. */
const RATE_LIMIT = 2000;

/**
 * The AWS managed rule groups, each with its rules that inspect the body of a request or its size. (For a load balancer, AWS WAF inspects
 * the first 8 KB.) These rules only count and label requests. A separate rule blocks requests by label.
 * https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html
 */
const RULE_GROUPS: readonly { name: string; labels?: string; bodyRules: readonly string[] }[] = [
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

const LABELS = RULE_GROUPS.flatMap(({ labels, bodyRules }) =>
  bodyRules.map((rule) => `awswaf:managed:aws:${labels}:${rule}_Body`),
);

/** AWS WAF in front of the load balancer: AWS managed rules, and a rate limit for each IP address. */
export class Waf extends pulumi.ComponentResource {
  constructor(name: string, args: WafArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Waf", name, {}, opts);
    const child = { parent: this };
    const webAcl = new aws.wafv2.WebAcl(
      name,
      {
        name: args.name,
        scope: "REGIONAL",
        defaultAction: { allow: {} },
        visibilityConfig: visibility(args.name),
        rules: [
          ...RULE_GROUPS.map(managedRuleGroup),
          blockLabeledBodies(RULE_GROUPS.length),
          rateLimit(RULE_GROUPS.length + 1),
        ],
      },
      child,
    );
    new aws.wafv2.WebAclAssociation(name, { webAclArn: webAcl.arn, resourceArn: args.loadBalancerArn }, child);
    const logGroup = new aws.cloudwatch.LogGroup(
      name,
      {
        // AWS WAF requires the prefix.
        name: `aws-waf-logs-${args.name}`,
        retentionInDays: args.logRetentionDays,
        kmsKeyId: args.kmsKeyArn,
      },
      child,
    );
    new aws.wafv2.WebAclLoggingConfiguration(
      name,
      {
        resourceArn: webAcl.arn,
        logDestinationConfigs: [logGroup.arn],
        redactedFields: ["x-api-key", "authorization"].map((header) => ({ singleHeader: { name: header } })),
      },
      child,
    );
    this.registerOutputs();
  }
}

type Rule = aws.types.input.wafv2.WebAclRule;

const visibility = (metricName: string) => ({
  metricName,
  cloudwatchMetricsEnabled: true,
  sampledRequestsEnabled: true,
});

const managedRuleGroup = ({ name, bodyRules }: (typeof RULE_GROUPS)[number], priority: number): Rule => ({
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
  visibilityConfig: visibility(name),
});

/**
 * Blocks requests that a body rule has labeled, except on the routes of `APPLICATION.unblockedBodies`. It is one rule, because each rule
 * makes every preview slower.
 */
const blockLabeledBodies = (priority: number): Rule => ({
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
                regexString: APPLICATION.unblockedBodies,
                fieldToMatch: { uriPath: {} },
                textTransformations: [{ priority: 0, type: "NONE" }],
              },
            },
          },
        },
      ],
    },
  },
  visibilityConfig: visibility("AttackInBody"),
});

const rateLimit = (priority: number): Rule => ({
  name: "RateLimitPerIp",
  priority,
  action: { block: {} },
  statement: { rateBasedStatement: { limit: RATE_LIMIT, aggregateKeyType: "IP" } },
  visibilityConfig: visibility("RateLimitPerIp"),
});
