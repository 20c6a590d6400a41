import { describe, expect, it } from "vitest";
import { Entry, type EntryArgs } from "../../stack/aws/entry";
import { DENIED_PATHS, isForwarded, pathProblem, PUBLIC_PATHS, spellings } from "../../stack/aws/public-paths";
import { mockedEngine } from "../harness/mocks";
import { statementsOf } from "../harness/policy";

const { made, of } = mockedEngine("dev");

const ARGS: EntryArgs = {
  account: "1",
  region: "eu-west-1",
  vpcId: "vpc",
  subnetIds: ["a", "b"],
  after: [],
  securityGroupId: "entry",
  certificateArn: "",
  domain: "",
  hostedZoneId: "",
  port: 8000,
  waf: false,
  logDays: 30,
  protect: true,
};
const CERTIFICATE = "arn:certificate";

describe("Entry", () => {
  it("answers 404, but for the public paths; what is denied comes before them", async () => {
    new Entry("sf", { ...ARGS, certificateArn: CERTIFICATE });
    const { entry } = await made("aws:lb/listener:Listener");
    expect(entry.defaultActions).toMatchObject([{ type: "fixed-response", fixedResponse: { statusCode: "404" } }]);
    const rules = Object.values(of("aws:lb/listenerRule:ListenerRule")).sort((a, b) => a.priority - b.priority);
    const acting = (type: string) => rules.filter(({ actions }) => actions[0].type === type);
    const values = (list: typeof rules) => list.flatMap(({ conditions }) => conditions[0].pathPattern.values);
    expect(values(acting("fixed-response"))).toEqual(DENIED_PATHS);
    expect(values(acting("forward"))).toEqual(PUBLIC_PATHS);
    expect(rules[0].actions).toMatchObject([{ fixedResponse: { statusCode: "404" } }]);
    for (const { conditions } of rules) expect(conditions[0].pathPattern.values.length).toBeLessThanOrEqual(5);
  });

  it("waits longer than the longest request, and appends the client's address", async () => {
    new Entry("sf", ARGS);
    const { entry } = await made("aws:lb/loadBalancer:LoadBalancer");
    expect(entry.idleTimeout).toBeGreaterThan(120);
    expect(entry).toMatchObject({
      xffHeaderProcessingMode: "append",
      dropInvalidHeaderFields: true,
      enableDeletionProtection: true,
    });
    expect(of("aws:lb/targetGroup:TargetGroup").api.deregistrationDelay).toBeGreaterThan(120);
  });

  it("speaks plain HTTP only where there is no certificate", async () => {
    new Entry("sf", ARGS);
    expect(Object.values(await made("aws:lb/listener:Listener"))).toMatchObject([{ port: 80, protocol: "HTTP" }]);
    expect(of("aws:acm/certificate:Certificate")).toEqual({});
  });

  it("with a certificate speaks TLS 1.2 and newer, and redirects HTTP", async () => {
    new Entry("sf", { ...ARGS, certificateArn: CERTIFICATE });
    const { entry, redirect } = await made("aws:lb/listener:Listener");
    expect(entry).toMatchObject({
      port: 443,
      protocol: "HTTPS",
      certificateArn: CERTIFICATE,
      sslPolicy: "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
    });
    expect(redirect).toMatchObject({
      port: 80,
      defaultActions: [{ type: "redirect", redirect: { protocol: "HTTPS", port: "443", statusCode: "HTTP_301" } }],
    });
  });

  it("requests a certificate for a domain in a hosted zone, proves it, and waits for it", async () => {
    new Entry("sf", { ...ARGS, domain: "sf.example.org", hostedZoneId: "Z1" });
    const { entry } = await made("aws:lb/listener:Listener");
    expect(entry).toMatchObject({ protocol: "HTTPS", certificateArn: "arn:entry" });
    expect(of("aws:acm/certificate:Certificate").entry).toMatchObject({
      domainName: "sf.example.org",
      validationMethod: "DNS",
    });
    expect(of("aws:acm/certificateValidation:CertificateValidation").entry).toMatchObject({
      certificateArn: "arn:entry",
      validationRecordFqdns: ["certificate.example.org"],
    });
    expect(of("aws:route53/record:Record")).toMatchObject({
      certificate: { zoneId: "Z1", name: "_x.sf.example.org", type: "CNAME", records: ["_y.aws"] },
      entry: { zoneId: "Z1", name: "sf.example.org", type: "A", aliases: [{ name: "entry.example.org" }] },
    });
  });

  it("logs to a private bucket that only Elastic Load Balancing of this account writes to", async () => {
    new Entry("sf", ARGS);
    const policy = (await made("aws:s3/bucketPolicy:BucketPolicy"))["access-logs"];
    expect(statementsOf(policy.policy)).toEqual([
      {
        Effect: "Allow",
        Principal: { Service: "logdelivery.elasticloadbalancing.amazonaws.com" },
        Action: "s3:PutObject",
        Resource: "arn:access-logs/AWSLogs/1/*",
        Condition: {
          StringEquals: { "aws:SourceAccount": "1" },
          ArnLike: { "aws:SourceArn": "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/*" },
        },
      },
      expect.objectContaining({ Effect: "Deny", Condition: { Bool: { "aws:SecureTransport": "false" } } }),
    ]);
    expect(of("aws:lb/loadBalancer:LoadBalancer").entry.accessLogs).toEqual({
      enabled: true,
      bucket: "access-logs-id",
    });
    expect(of("aws:s3/bucket:Bucket")["access-logs"].forceDestroy).toBe(false);
  });
});

describe("WAF", () => {
  it("is before it only where that is chosen", async () => {
    new Entry("sf", ARGS);
    expect(await made("aws:wafv2/webAcl:WebAcl")).toEqual({});
  });

  it("has AWS's rules and a limit for each address; rules about bodies block but where a body is a file or is signed", async () => {
    new Entry("sf", { ...ARGS, waf: true });
    const { waf } = await made("aws:wafv2/webAcl:WebAcl");
    const groups = waf.rules.flatMap((rule: any) => rule.statement.managedRuleGroupStatement ?? []); // eslint-disable-line @typescript-eslint/no-explicit-any
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
    const blocked = waf.rules.filter((rule: any) => rule.statement.andStatement); // eslint-disable-line @typescript-eslint/no-explicit-any
    expect(blocked).toMatchObject([{ action: { block: {} } }]);
    const [labels, but] = blocked[0].statement.andStatement.statements;
    const keys = labels.orStatement.statements.map((one: any) => one.labelMatchStatement.key); // eslint-disable-line @typescript-eslint/no-explicit-any
    for (const key of keys) expect(key).toMatch(/^awswaf:managed:aws:(core-rule-set|known-bad-inputs):\w+_Body$/);
    expect(keys).toContain("awswaf:managed:aws:core-rule-set:SizeRestrictions_Body");
    expect(keys).toContain("awswaf:managed:aws:known-bad-inputs:Log4JRCE_Body");
    expect(keys.map((key: string) => key.split(":").at(-1)?.replace("_Body", "_BODY"))).toEqual(
      counted.map(({ name }: { name: string }) => name),
    );
    const opaque = new RegExp(but.notStatement.statement.regexMatchStatement.regexString);
    for (const route of ["/v1/depth", "/v1/depth/visualize", "/v1/inspect/video", "/v1/billing/webhooks"])
      expect(route).toMatch(opaque);
    for (const route of ["/v1/billing/checkout", "/", "/v1/depth/../x"]) expect(route).not.toMatch(opaque);
    expect(waf.rules.at(-1)).toMatchObject({
      action: { block: {} },
      statement: { rateBasedStatement: { aggregateKeyType: "IP" } },
    });
    expect(new Set(waf.rules.map(({ priority }: { priority: number }) => priority)).size).toBe(waf.rules.length);
  });

  it("logs without keys", async () => {
    new Entry("sf", { ...ARGS, waf: true });
    const { waf } = await made("aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration");
    expect(waf.redactedFields).toEqual([
      { singleHeader: { name: "x-api-key" } },
      { singleHeader: { name: "authorization" } },
    ]);
    expect(of("aws:cloudwatch/logGroup:LogGroup").waf.name).toBe("aws-waf-logs-sf");
  });
});

describe("public paths", () => {
  it.each(["/", "/health", "/v1/depth", "/v1/reconstruct/3f2a", "/v1/inspect/video", "/static/about.html", "/docs"])(
    "%s is public",
    (path) => expect(isForwarded(path, PUBLIC_PATHS)).toBe(true),
  );

  it("no spelling of what is inside is forwarded", () => {
    for (const path of ["/metrics", "/metrics/", "/v1/admin/keys", "/v1/admin/status"]) {
      for (const spelling of spellings(path)) expect(isForwarded(spelling, PUBLIC_PATHS), spelling).toBe(false);
    }
  });

  it.each(["/static/../metrics", "/v1/reconstruct/../admin/keys", "/static//metrics", "/v1/reconstruct/..%2fadmin"])(
    "%s is denied",
    (path) => expect(isForwarded(path, PUBLIC_PATHS)).toBe(false),
  );

  it("the application's own paths may all be set", () => {
    expect(PUBLIC_PATHS.map(pathProblem).filter(Boolean)).toEqual([]);
  });

  it.each([
    ["metrics", /starts with \//],
    ["/*", /would make .* public/],
    ["/v1/*", /would make \/v1\/admin\/keys public/],
    ["/m?trics", /would make \/metrics public/],
    ["/v1/admin/keys", /public/],
    ["/%6detrics", /letters, digits/],
    [`/${"a".repeat(128)}`, /at most 128/],
  ])("the path %s is refused", (path, says) => {
    expect(pathProblem(path)).toMatch(says);
  });
});
