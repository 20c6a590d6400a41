import { describe, expect, it } from "vitest";
import { APPLICATION } from "../../stack/app/application";
import { LoadBalancer, type LoadBalancerArgs } from "../../stack/aws/load-balancer/load-balancer";
import { awsSettingsSchema } from "../../stack/config/aws-schema";
import { DENIED_PATHS, equivalentPaths, isForwarded, pathProblem } from "../../stack/config/path-patterns";
import { LOAD_BALANCED_ROLE } from "../../stack/roles";
import { AWS, mockedEngine } from "../harness/mocks";
import { statementsOf } from "../harness/policy";

const { created, inputsOf } = mockedEngine("dev");

const ARGS: LoadBalancerArgs = {
  ...awsSettingsSchema.parse({}).loadBalancer,
  ...AWS,
  accountId: "1",
  name: "sf",
  vpcId: "vpc",
  subnetIds: ["a", "b"],
  dependencies: [],
  securityGroupId: "load-balancer",
  certificateArn: "",
  domainName: "",
  hostedZoneId: "",
  waf: false,
  logRetentionDays: 30,
  deletionProtection: true,
};
const CERTIFICATE = "arn:certificate";

const BALANCER = "aws:lb/loadBalancer:LoadBalancer";
const LISTENER = "aws:lb/listener:Listener";

describe("LoadBalancer", () => {
  it("forwards only the public paths, and denies paths before it forwards any", async () => {
    new LoadBalancer("load-balancer", { ...ARGS, certificateArn: CERTIFICATE });
    const listener = (await created(LISTENER))["load-balancer"];
    expect(listener.defaultActions).toMatchObject([{ type: "fixed-response", fixedResponse: { statusCode: "404" } }]);
    const rules = Object.values(inputsOf("aws:lb/listenerRule:ListenerRule")).sort((a, b) => a.priority - b.priority);
    const withAction = (type: string) => rules.filter(({ actions }) => actions[0].type === type);
    const values = (list: typeof rules) => list.flatMap(({ conditions }) => conditions[0].pathPattern.values);
    expect(values(withAction("fixed-response"))).toEqual(DENIED_PATHS);
    expect(values(withAction("forward"))).toEqual(APPLICATION.publicPaths);
    expect(rules[0].actions).toMatchObject([{ fixedResponse: { statusCode: "404" } }]);
    for (const { conditions } of rules) expect(conditions[0].pathPattern.values.length).toBeLessThanOrEqual(5);
  });

  it("forwards the public paths of the settings instead of those of the application", async () => {
    new LoadBalancer("load-balancer", { ...ARGS, publicPaths: ["/v1/depth"] });
    const rules = Object.values(await created("aws:lb/listenerRule:ListenerRule"));
    const forwarding = rules.filter(({ actions }) => actions[0].type === "forward");
    expect(forwarding).toMatchObject([{ conditions: [{ pathPattern: { values: ["/v1/depth"] } }] }]);
  });

  it("has timeouts above the longest request, and adds the address of the client to the headers", async () => {
    new LoadBalancer("load-balancer", ARGS);
    const loadBalancer = (await created(BALANCER))["load-balancer"];
    expect(loadBalancer.idleTimeout).toBeGreaterThan(120);
    expect(loadBalancer).toMatchObject({
      name: "sf",
      xffHeaderProcessingMode: "append",
      dropInvalidHeaderFields: true,
      enableDeletionProtection: true,
    });
    const targetGroup = inputsOf("aws:lb/targetGroup:TargetGroup")[`load-balancer-${LOAD_BALANCED_ROLE.name}`];
    expect(targetGroup.deregistrationDelay).toBeGreaterThan(120);
    expect(APPLICATION.maximumRequestSeconds).toBe(120);
  });

  it("uses plain HTTP without a certificate", async () => {
    new LoadBalancer("load-balancer", ARGS);
    expect(Object.values(await created(LISTENER))).toMatchObject([{ port: 80, protocol: "HTTP" }]);
    expect(inputsOf("aws:acm/certificate:Certificate")).toEqual({});
  });

  it("uses TLS 1.2 or later with a certificate, and redirects HTTP to HTTPS", async () => {
    new LoadBalancer("load-balancer", { ...ARGS, certificateArn: CERTIFICATE });
    const listeners = await created(LISTENER);
    expect(listeners["load-balancer"]).toMatchObject({
      port: 443,
      protocol: "HTTPS",
      certificateArn: CERTIFICATE,
      sslPolicy: "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
    });
    expect(listeners["load-balancer-redirect"]).toMatchObject({
      port: 80,
      defaultActions: [{ type: "redirect", redirect: { protocol: "HTTPS", port: "443", statusCode: "HTTP_301" } }],
    });
  });

  it("requests and validates a certificate for a domain name in a hosted zone", async () => {
    new LoadBalancer("load-balancer", { ...ARGS, domainName: "sf.example.org", hostedZoneId: "Z1" });
    const certificate = "load-balancer-certificate";
    expect((await created(LISTENER))["load-balancer"]).toMatchObject({
      protocol: "HTTPS",
      certificateArn: `arn:${certificate}`,
    });
    expect(inputsOf("aws:acm/certificate:Certificate")[certificate]).toMatchObject({
      domainName: "sf.example.org",
      validationMethod: "DNS",
    });
    expect(inputsOf("aws:acm/certificateValidation:CertificateValidation")[certificate]).toMatchObject({
      certificateArn: `arn:${certificate}`,
      validationRecordFqdns: [`${certificate}.example.org`],
    });
    expect(inputsOf("aws:route53/record:Record")).toMatchObject({
      [certificate]: { zoneId: "Z1", name: "_x.sf.example.org", type: "CNAME", records: ["_y.aws"] },
      "load-balancer-alias": {
        zoneId: "Z1",
        name: "sf.example.org",
        type: "A",
        aliases: [{ name: "load-balancer.example.org" }],
      },
    });
  });

  it("writes access logs to a private bucket that only Elastic Load Balancing of this account can write to", async () => {
    new LoadBalancer("load-balancer", ARGS);
    const logs = "load-balancer-access-logs";
    const { policy } = (await created("aws:s3/bucketPolicy:BucketPolicy"))[logs];
    expect(statementsOf(policy)).toEqual([
      {
        Effect: "Allow",
        Principal: { Service: "logdelivery.elasticloadbalancing.amazonaws.com" },
        Action: "s3:PutObject",
        Resource: `arn:${logs}/AWSLogs/1/*`,
        Condition: {
          StringEquals: { "aws:SourceAccount": "1" },
          ArnLike: { "aws:SourceArn": "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/*" },
        },
      },
      expect.objectContaining({ Effect: "Deny", Condition: { Bool: { "aws:SecureTransport": "false" } } }),
    ]);
    expect(inputsOf(BALANCER)["load-balancer"].accessLogs).toEqual({ enabled: true, bucket: `${logs}-id` });
    expect(inputsOf("aws:s3/bucket:Bucket")[logs].forceDestroy).toBe(false);
  });
});

describe("Waf", () => {
  const NAME = "load-balancer-waf";

  it("is disabled by default", async () => {
    new LoadBalancer("load-balancer", ARGS);
    expect(await created("aws:wafv2/webAcl:WebAcl")).toEqual({});
  });

  it("has the AWS managed rules and a rate limit, and blocks by body except on the uninspected routes", async () => {
    new LoadBalancer("load-balancer", { ...ARGS, waf: true });
    const { rules } = (await created("aws:wafv2/webAcl:WebAcl"))[NAME];
    const groups = rules.flatMap((rule: any) => rule.statement.managedRuleGroupStatement ?? []); // eslint-disable-line @typescript-eslint/no-explicit-any
    expect(groups.map(({ name }: { name: string }) => name)).toEqual([
      "AWSManagedRulesAmazonIpReputationList",
      "AWSManagedRulesKnownBadInputsRuleSet",
      "AWSManagedRulesCommonRuleSet",
    ]);
    const counted = groups.flatMap(({ ruleActionOverrides }: any) => ruleActionOverrides); // eslint-disable-line @typescript-eslint/no-explicit-any
    expect(counted).toHaveLength(8);
    expect(counted).toContainEqual({ name: "SizeRestrictions_BODY", actionToUse: { count: {} } });
    for (const { name, actionToUse } of counted) {
      expect(name).toMatch(/_BODY$/);
      expect(actionToUse).toEqual({ count: {} });
    }
    const blocking = rules.filter((rule: any) => rule.statement.andStatement); // eslint-disable-line @typescript-eslint/no-explicit-any
    expect(blocking).toMatchObject([{ action: { block: {} } }]);
    const [labels, exception] = blocking[0].statement.andStatement.statements;
    const keys = labels.orStatement.statements.map((one: any) => one.labelMatchStatement.key); // eslint-disable-line @typescript-eslint/no-explicit-any
    for (const key of keys) expect(key).toMatch(/^awswaf:managed:aws:(core-rule-set|known-bad-inputs):\w+_Body$/);
    expect(keys).toContain("awswaf:managed:aws:core-rule-set:SizeRestrictions_Body");
    expect(keys).toContain("awswaf:managed:aws:known-bad-inputs:Log4JRCE_Body");
    expect(keys.map((key: string) => key.split(":").at(-1)?.replace("_Body", "_BODY"))).toEqual(
      counted.map(({ name }: { name: string }) => name),
    );
    const uninspected = new RegExp(exception.notStatement.statement.regexMatchStatement.regexString);
    for (const route of ["/v1/depth", "/v1/depth/visualize", "/v1/inspect/video", "/v1/billing/webhooks"])
      expect(route).toMatch(uninspected);
    for (const route of ["/v1/billing/checkout", "/", "/v1/depth/../x"]) expect(route).not.toMatch(uninspected);
    expect(rules.at(-1)).toMatchObject({
      action: { block: {} },
      statement: { rateBasedStatement: { aggregateKeyType: "IP" } },
    });
    expect(new Set(rules.map(({ priority }: { priority: number }) => priority)).size).toBe(rules.length);
  });

  it("logs requests without their API keys", async () => {
    new LoadBalancer("load-balancer", { ...ARGS, waf: true });
    const logging = (await created("aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration"))[NAME];
    expect(logging.redactedFields).toEqual([
      { singleHeader: { name: "x-api-key" } },
      { singleHeader: { name: "authorization" } },
    ]);
    expect(inputsOf("aws:cloudwatch/logGroup:LogGroup")[NAME].name).toBe("aws-waf-logs-sf");
  });
});

describe("path patterns", () => {
  const { publicPaths } = APPLICATION;

  it.each(["/", "/health", "/v1/depth", "/v1/reconstruct/3f2a", "/v1/inspect/video", "/static/about.html", "/docs"])(
    "%s is public",
    (path) => expect(isForwarded(path, publicPaths)).toBe(true),
  );

  it("no spelling of an internal path is public", () => {
    const internalPaths = ["/metrics", "/metrics/", "/v1/admin/keys", "/v1/admin/status"];
    expect(APPLICATION.internalPaths).toEqual(expect.arrayContaining(internalPaths));
    for (const path of APPLICATION.internalPaths) {
      for (const spelling of equivalentPaths(path)) expect(isForwarded(spelling, publicPaths), spelling).toBe(false);
    }
  });

  it.each(["/static/../metrics", "/v1/reconstruct/../admin/keys", "/static//metrics", "/v1/reconstruct/..%2fadmin"])(
    "%s is denied",
    (path) => expect(isForwarded(path, publicPaths)).toBe(false),
  );

  it("the public paths of the application are valid", () => {
    expect(publicPaths.map(pathProblem).filter(Boolean)).toEqual([]);
  });

  it.each([
    ["metrics", /must start with \//],
    ["/*", /would make .* public/],
    ["/v1/*", /would make \/v1\/admin\/keys public/],
    ["/m?trics", /would make \/metrics public/],
    ["/v1/admin/keys", /public/],
    ["/%6detrics", /letters, digits/],
    [`/${"a".repeat(128)}`, /at most 128/],
  ])("the path %s is invalid", (path, message) => {
    expect(pathProblem(path)).toMatch(message);
  });
});
