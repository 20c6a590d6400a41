import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { checkImages } from "../../stack/aws/operations/image-scan/check-images";
import type { ImageScanSettings } from "../../stack/config/image-scan";
import { stackName } from "../../stack/pulumi/stack-name";
import { digestOf } from "../../stack/registry/registry";
import { releaseTag } from "../../stack/registry/tags";
import { manifestOf, startEmulatedEcr } from "../harness/emulated-ecr";
import type { Emulator, ImageScanFault } from "../harness/emulator";

const MANIFEST = manifestOf("a");
const CRITICAL = { findings: [{ name: "CVE-2026-1", severity: "CRITICAL" }] };
let emulator: Emulator;

beforeAll(async () => {
  emulator = await startEmulatedEcr("prod", { imageScanningConfiguration: { scanOnPush: true } });
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await emulator.stop();
});

/** Checks an image, and returns the error and the warnings. */
async function check(scan: ImageScanFault, settings: Partial<ImageScanSettings> = {}) {
  const warnings: string[] = [];
  const args = {
    ...{ maxSeverity: "HIGH" as const, acceptedFindings: [], ...settings },
    repository: stackName(),
    images: { api: `repository@${digestOf(Buffer.from(MANIFEST))}` },
    warn: (text: string) => Promise.resolve(void warnings.push(text)),
    timeout: 1,
  };
  const error = await emulator.withFault("image-scans", scan, () =>
    checkImages(args).then(
      () => "",
      ({ message }: Error) => message,
    ),
  );
  return { error, warnings };
}

it("an image that was not pushed fails", async () => {
  expect((await check({})).error).toMatch(/^api: .* NOT_FOUND \(no result within 1 s: .*does not exist/m);
});

it("an image without findings passes after its push", async () => {
  await emulator.putImage(stackName(), "built-1-api", MANIFEST);
  expect(await check({ findings: [] })).toEqual({ error: "", warnings: [] });
});

it("a critical finding fails, and passes if it is accepted", async () => {
  expect((await check(CRITICAL)).error).toMatch(/^an image has findings .*\napi: CVE-2026-1 is CRITICAL\n/);
  const acceptedFindings = [{ id: "CVE-2026-1", reason: "not reachable", expires: "9999-12-31" }];
  expect(await check(CRITICAL, { acceptedFindings })).toEqual({ error: "", warnings: [] });
});

it("a scan without a result fails", async () => {
  expect((await check({ status: "FAILED" })).error).toMatch(/^api: the scan has no result: FAILED/m);
  expect((await check({ status: "IN_PROGRESS" })).error).toMatch(/^api: .* IN_PROGRESS \(no result within 1 s\)/m);
});

it("a release with a critical finding can be deployed again", async () => {
  await emulator.putImage(stackName(), releaseTag("1-a", "api"), MANIFEST);
  expect(await check(CRITICAL)).toEqual({
    error: "",
    warnings: ["image scan:\napi: CVE-2026-1 is CRITICAL"],
  });
});
