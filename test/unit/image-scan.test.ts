import * as pulumi from "@pulumi/pulumi";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { readStackConfig } from "../../scripts/stack-file";
import * as calls from "../../stack/aws/operations/rollout/service-client";
import { checkImages } from "../../stack/aws/operations/image-scan/check-images";
import { ImageScan } from "../../stack/aws/operations/image-scan/image-scan";
import { judge } from "../../stack/aws/operations/image-scan/judge";
import { scanResult } from "../../stack/aws/operations/image-scan/scan-result";
import { awsProblems } from "../../stack/config/aws-rules";
import { awsSettingsSchema } from "../../stack/config/aws-schema";
import { SEVERITIES, type ImageScanSettings } from "../../stack/config/image-scan";
import { parseSettings } from "../../stack/config/parse";
import { releaseTag } from "../../stack/registry/tags";
import { ROLES } from "../../stack/roles";
import { FakeEcr } from "../harness/fake-ecr";
import { byName, mockEngine } from "../harness/mocks";

const TODAY = "2026-06-15";
const DIGEST = "sha256:aaa";
const settings = (more: Partial<ImageScanSettings> = {}): ImageScanSettings => ({
  maxSeverity: "HIGH",
  acceptedFindings: [],
  ...more,
});
const accepted = (expires: string, id = "CVE-1") => ({ acceptedFindings: [{ id, reason: "not reachable", expires }] });
const finding = (severity: string, id = "CVE-1", ...packages: string[]) => ({ id, severity, packages });
const image = (...findings: ReturnType<typeof finding>[]) => ({ name: "api", released: false, result: { findings } });

afterEach(() => vi.restoreAllMocks());

describe("the findings of an image", () => {
  it("fail an update above the maximum severity only", () => {
    const all = SEVERITIES.map((severity) => finding(severity, `CVE-${severity}`));
    const failing = (maxSeverity: ImageScanSettings["maxSeverity"]) =>
      judge([image(...all)], settings({ maxSeverity }), TODAY).failures.map((line) => /is (\w+)/.exec(line)?.[1]);
    expect(failing("CRITICAL")).toEqual([]);
    expect(failing("HIGH")).toEqual(["CRITICAL"]);
    expect(failing("LOW")).toEqual(["CRITICAL", "HIGH", "MEDIUM"]);
    expect(failing("INFORMATIONAL")).toEqual(["CRITICAL", "HIGH", "MEDIUM", "LOW"]);
  });

  it("pass without a rating, and count as the highest with an unknown one", () => {
    const findings = [finding("UNDEFINED"), finding("UNTRIAGED", "CVE-2"), finding("SEVERE", "CVE-3")];
    const { failures } = judge([image(...findings)], settings({ maxSeverity: "CRITICAL" }), TODAY);
    expect(failures).toEqual(["api: CVE-3 is SEVERE"]);
  });

  it("are one line for each ID, with all packages that have it", () => {
    const findings = [finding("HIGH", "CVE-1", "libssl3 3.0.2"), finding("CRITICAL", "CVE-1", "openssl 3.0.2")];
    expect(judge([image(...findings)], settings(), TODAY).failures).toEqual([
      "api: CVE-1 is CRITICAL in libssl3 3.0.2, openssl 3.0.2",
    ]);
  });

  it("are accepted until the end of the day of expiry", () => {
    const failures = (expires: string) =>
      judge([image(finding("CRITICAL"))], settings(accepted(expires)), TODAY).failures;
    expect(failures(TODAY)).toEqual([]);
    expect(failures("2026-06-14")).toEqual([
      "api: CVE-1 is CRITICAL; it was accepted until 2026-06-14 (not reachable)",
    ]);
  });

  it("that are accepted but are in no image are reported", () => {
    const { failures, warnings } = judge([image(finding("LOW"))], settings(accepted("2027-01-01", "CVE-9")), TODAY);
    expect(failures).toEqual([]);
    expect(warnings).toEqual(["no image has the finding CVE-9: remove it from aws.imageScan.acceptedFindings"]);
  });

  it("only cause warnings if the image is already in a release", () => {
    const released = { ...image(finding("CRITICAL")), released: true };
    const withoutResult = { name: "cpu", released: true, result: { failure: "no result" } };
    expect(judge([released, withoutResult], settings(), TODAY)).toEqual({
      failures: [],
      warnings: ["api: CVE-1 is CRITICAL", "cpu: no result"],
    });
  });

  it("fail the update if there is no result, and then no accepted finding is reported as unused", () => {
    const images = [{ name: "api", released: false, result: { failure: "FAILED" } }];
    expect(judge(images, settings(accepted("2027-01-01")), TODAY)).toEqual({ failures: ["api: FAILED"], warnings: [] });
  });
});

describe("with ECR", () => {
  let ecr: FakeEcr;
  beforeEach(async () => {
    await mockEngine("prod");
    ecr = new FakeEcr();
    ecr.use();
    ecr.push(DIGEST, "built-aaa-api");
    vi.useFakeTimers({ toFake: ["Date"] });
    vi.spyOn(calls, "sleep").mockImplementation((ms) => Promise.resolve(void vi.advanceTimersByTime(ms)));
    return () => vi.useRealTimers();
  });
  const result = (timeout = 30) => scanResult({ repository: "spatialforge-prod", digest: DIGEST, timeout });
  const check = (more?: Partial<ImageScanSettings>) => {
    const warnings: string[] = [];
    const warn = (text: string) => Promise.resolve(void warnings.push(text));
    const images = { api: `repository@${DIGEST}` };
    return checkImages({ ...settings(more), repository: "spatialforge-prod", images, warn, timeout: 30 }).then(
      () => ({ error: "", warnings }),
      (error: Error) => ({ error: error.message, warnings }),
    );
  };

  it("a scan that was just started is awaited", async () => {
    ecr.scans = ["NOT_FOUND", "PENDING", "IN_PROGRESS", { findings: [{ name: "CVE-1", severity: "LOW" }] }];
    expect(await result()).toEqual({ findings: [finding("LOW")] });
  });

  it("all pages of the findings are read, with their packages", async () => {
    const attributes = [
      { key: "package_name", value: "openssl" },
      { key: "package_version", value: "3.0.2" },
    ];
    ecr.scans = [
      { findings: [{ name: "CVE-1", severity: "LOW", attributes }], nextToken: "2" },
      { findings: [{ name: "CVE-2", severity: "HIGH" }] },
    ];
    expect(await result()).toEqual({ findings: [finding("LOW", "CVE-1", "openssl 3.0.2"), finding("HIGH", "CVE-2")] });
  });

  it("the findings of Amazon Inspector are read too", async () => {
    const packageVulnerabilityDetails = {
      vulnerabilityId: "CVE-1",
      vulnerablePackages: [{ name: "torch", version: "2.0" }],
    };
    ecr.scans = [{ status: "ACTIVE", enhancedFindings: [{ severity: "CRITICAL", packageVulnerabilityDetails }] }];
    expect(await result()).toEqual({ findings: [finding("CRITICAL", "CVE-1", "torch 2.0")] });
  });

  it.each([
    [
      "NOT_FOUND",
      /^the scan has no result: NOT_FOUND \(no result within 30 s: no scan\): start a scan with `aws ecr start-image-scan /,
    ],
    ["IN_PROGRESS", /IN_PROGRESS \(no result within 30 s: why\)/],
    [
      "FAILED",
      /FAILED \(why\): start a scan with .* --repository-name spatialforge-prod --image-id imageDigest=sha256:aaa`/,
    ],
    ["UNSUPPORTED_IMAGE", /UNSUPPORTED_IMAGE \(why\): ECR cannot scan the operating system/],
    ["NEW_STATUS", /NEW_STATUS \(why\): start a scan/],
  ])("an image without a result does not pass: %s", async (status, message) => {
    ecr.scans = [{ status, description: "why" }];
    expect(await result()).toEqual({ failure: expect.stringMatching(message) as string });
  });

  it("another error of ECR fails the update", async () => {
    ecr.error = "AccessDeniedException";
    await expect(result()).rejects.toThrow("AccessDeniedException");
  });

  it("the error names the image, the finding, and what to do", async () => {
    ecr.scans = [{ findings: [{ name: "CVE-1", severity: "CRITICAL" }] }];
    const { error } = await check();
    expect(error).toMatch(
      /^an image has findings above the severity HIGH, or no scan result:\napi: CVE-1 is CRITICAL\n/,
    );
    expect(error).toContain("No service was updated. Update the base images with `npm run lock -- --bases`");
    expect(error).toContain("spatialforge:aws.imageScan.maxSeverity to off");
  });

  it("the error is short, also for an image with many findings", async () => {
    ecr.scans = [{ findings: Array.from({ length: 300 }, (_, id) => ({ name: `CVE-${id}`, severity: "CRITICAL" })) }];
    const { error } = await check();
    expect(error.split("\n")).toHaveLength(23);
    expect(error).toContain("and 280 more");
  });

  it("a rollback to a release is not blocked, and is not delayed by a scan that does not exist", async () => {
    await ecr.tag(DIGEST, releaseTag("1-a", "api"));
    ecr.scans = [{ findings: [{ name: "CVE-1", severity: "CRITICAL" }] }];
    expect(await check()).toEqual({ error: "", warnings: ["image scan:\napi: CVE-1 is CRITICAL"] });
    ecr.scans = ["NOT_FOUND"];
    const before = ecr.calls.length;
    expect((await check()).error).toBe("");
    expect(ecr.calls.slice(before)).toEqual(["DescribeImagesCommand", "DescribeImageScanFindingsCommand"]);
  });
});

describe("the component", () => {
  const callsOf = async (maxSeverity: ImageScanSettings["maxSeverity"], isPreview: boolean) => {
    await mockEngine("prod");
    vi.spyOn(pulumi.runtime, "isDryRun").mockReturnValue(isPreview);
    const ecr = new FakeEcr();
    ecr.use();
    ecr.push(DIGEST, "built-aaa-api");
    ecr.scans = [{ findings: [] }];
    const images = pulumi.output({ api: `repository@${DIGEST}` });
    new ImageScan("image-scan", { ...settings({ maxSeverity }), repository: "spatialforge-prod", images });
    await pulumi.runtime.disconnect();
    return ecr.calls;
  };

  it("makes no call in a preview, or if it is off", async () => {
    expect(await callsOf("HIGH", true)).toEqual([]);
    expect(await callsOf("off", false)).toEqual([]);
  });

  it("reads the findings in an update", async () => {
    expect(await callsOf("HIGH", false)).toEqual(["DescribeImagesCommand", "DescribeImageScanFindingsCommand"]);
  });
});

describe("the settings", () => {
  it("are off on dev, and let no critical finding pass on prod", () => {
    const maximum = (stack: string) => awsSettingsSchema.parse(readStackConfig(stack).aws).imageScan.maxSeverity;
    expect([maximum("dev"), maximum("prod")]).toEqual(["off", "HIGH"]);
  });

  const problems = (imageScan: object) =>
    parseSettings({
      stack: "dev",
      values: {
        platform: "aws",
        app: '{"path": "sample-app"}',
        aws: JSON.stringify({ loadBalancer: { allowHttp: true }, imageScan }),
      },
    }).problems.map(({ key, remedy }) => `${key}: ${remedy}`);
  const entry = (more: object) => ({ id: "CVE-1", reason: "not reachable", expires: "2026-12-31", ...more });

  it("can accept a finding", () => {
    expect(problems({ maxSeverity: "LOW", acceptedFindings: [entry({})] })).toEqual([]);
  });

  it.each<[string, object, RegExp]>([
    [
      "an unknown severity",
      { maxSeverity: "SEVERE" },
      /^aws\.imageScan\.maxSeverity: the value must be one of off, INFO/,
    ],
    ["no reason", { acceptedFindings: [entry({ reason: "" })] }, /\.0\.reason: say why the finding is accepted$/],
    [
      "no date",
      { acceptedFindings: [entry({ expires: "soon" })] },
      /\.0\.expires: a date in quotes, as in '2026-12-31'$/,
    ],
    [
      "a day that does not exist",
      { acceptedFindings: [entry({ expires: "2026-02-30" })] },
      /\.0\.expires: there is no such day/,
    ],
    ["two entries", { acceptedFindings: [entry({}), entry({})] }, /\.1\.id: the finding is listed twice/],
    [
      "an ID with a space",
      { acceptedFindings: [entry({ id: "CVE 1" })] },
      /\.0\.id: the ID of a finding, as in CVE-2026-1234$/,
    ],
  ])("are invalid with %s", (_, imageScan, message) => {
    expect(problems(imageScan)).toEqual([expect.stringMatching(message)]);
  });

  it("are checked for the platform aws", () => {
    const aws = awsSettingsSchema.parse({ imageScan: { acceptedFindings: [entry({ expires: "2026-13-01" })] } });
    expect(awsProblems(aws, "spatialforge", "dev").map(({ key }) => key)).toContain(
      "aws.imageScan.acceptedFindings.0.expires",
    );
  });
});

it("no service takes a new version before the findings are read", async () => {
  vi.doMock("../../stack/aws/operations/image-scan/image-scan", () => ({
    ImageScan: class {
      completed = pulumi.unknown;
      images = pulumi.unknown;
    },
  }));
  vi.resetModules();
  onTestFinished(() => vi.doUnmock("../../stack/aws/operations/image-scan/image-scan"));
  const { registerAwsPlatform } = await import("../harness/aws-platform.js");
  const services = Object.values(byName(await registerAwsPlatform("prod"), "aws:ecs/service:Service"));
  expect(services).toHaveLength(ROLES.length);
  for (const { taskDefinition } of services) expect(pulumi.isUnknown(taskDefinition)).toBe(true);
});
