import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { proxyArguments } from "../../stack/app/build-network";
import { settingsSchema } from "../../stack/config/schema";
import { preflight } from "../../stack/preflight/preflight";
import { fakeEngine } from "../harness/fake-engine";

const PEM = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "build-network-"));
  return () => rmSync(folder, { recursive: true });
});

it("a proxy is passed in Docker's predefined build arguments, which no history shows", () => {
  expect(proxyArguments({ proxy: "", noProxy: "localhost" })).toEqual({});
  expect(proxyArguments({ proxy: "http://proxy:3128", noProxy: "localhost" })).toEqual({
    HTTP_PROXY: "http://proxy:3128",
    HTTPS_PROXY: "http://proxy:3128",
    NO_PROXY: "localhost",
    http_proxy: "http://proxy:3128",
    https_proxy: "http://proxy:3128",
    no_proxy: "localhost",
  });
});

describe("a bundle of certificate authorities", () => {
  const problemsWith = async (caBundle: string) => {
    await fakeEngine();
    const { problems } = await preflight(settingsSchema.parse({ build: { caBundle }, gpu: "off" }), "local");
    return problems.filter(({ key }) => key === "build.caBundle");
  };
  const file = (text: string): string => {
    writeFileSync(join(folder, "ca.pem"), text);
    return join(folder, "ca.pem");
  };

  it("must exist", async () => {
    expect(await problemsWith(join(folder, "missing.pem"))).toEqual([
      {
        key: "build.caBundle",
        value: join(folder, "missing.pem"),
        remedy: expect.stringMatching(/ENOENT.*set its path/),
      },
    ]);
  });

  it("must contain a certificate", async () => {
    expect(await problemsWith(file("a certificate"))).toMatchObject([{ remedy: expect.stringMatching(/PEM format/) }]);
    expect(await problemsWith(file(PEM))).toEqual([]);
    expect(await problemsWith("")).toEqual([]);
  });
});
