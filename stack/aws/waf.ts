import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

export interface WafArgs {
  balancerArn: pulumi.Input<string>;
  logDays: number;
  kmsKeyArn?: pulumi.Input<string>;
}

/** Requests of one address in five minutes, above which it is blocked for a while. */
const RATE = 2000;

/** Routes that take files; a file's content is no attack because it looks like one. */
const UPLOADS = "^/v1/(depth|pose|reconstruct|measure|floorplan|segment-3d|inspect)(/[a-z]+)?$";

/**
 * Rules of the common set that look at the body, or at its size; WAF sees its first 16 KB. The label of each says the same.
 * https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html
 */
const BODY_RULES = {
  SizeRestrictions_BODY: "SizeRestrictions_Body",
  GenericLFI_BODY: "GenericLFI_Body",
  GenericRFI_BODY: "GenericRFI_Body",
  CrossSiteScripting_BODY: "CrossSiteScripting_Body",
  EC2MetaDataSSRF_BODY: "EC2MetaDataSSRF_Body",
} as const;

const COMMON = "AWSManagedRulesCommonRuleSet";

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
        rules: [
          managed(0, "AWSManagedRulesAmazonIpReputationList"),
          managed(1, "AWSManagedRulesKnownBadInputsRuleSet"),
          // They count here and label the request; the next rule blocks by the label.
          managed(2, COMMON, Object.keys(BODY_RULES)),
          attackInBody(3),
          limit(4),
        ],
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

const managed = (priority: number, name: string, count: string[] = []): Rule => ({
  name,
  priority,
  overrideAction: { none: {} },
  statement: {
    managedRuleGroupStatement: {
      vendorName: "AWS",
      name,
      ruleActionOverrides: count.map((rule) => ({ name: rule, actionToUse: { count: {} } })),
    },
  },
  visibilityConfig: visible(name),
});

/** Blocks what any rule about bodies has labelled, but on the routes that take files. One rule, for each takes time in every preview. */
const attackInBody = (priority: number): Rule => ({
  name: "AttackInBody",
  priority,
  action: { block: {} },
  statement: {
    andStatement: {
      statements: [
        {
          orStatement: {
            statements: Object.values(BODY_RULES).map((label) => ({
              labelMatchStatement: { scope: "LABEL", key: `awswaf:managed:aws:core-rule-set:${label}` },
            })),
          },
        },
        {
          notStatement: {
            statement: {
              regexMatchStatement: {
                regexString: UPLOADS,
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
