import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { readInputs } from "../../stack/inputs";
import { fakeEngine, noEngine } from "../harness/fake-engine";
import { mockEngine } from "../harness/mocks";

const NETRC = "machine pypi.example.com login me password hunter2";

/** Sets the configuration of the stack, with ports that nothing listens on by default. */
async function configure(values: Record<string, string>, secretKeys: string[] = []): Promise<void> {
  const all = { port: "18473", registryPort: "18474", objectStorePort: "18475", ...values };
  const config = Object.entries(all).map(([key, value]) => [`spatialforge:${key}`, value]);
  await mockEngine("local", { config: { ...Object.fromEntries(config), "aws:region": "us-east-1" } });
  vi.stubEnv("PULUMI_CONFIG_SECRET_KEYS", JSON.stringify(secretKeys.map((key) => `spatialforge:${key}`)));
  onTestFinished(() => void vi.unstubAllEnvs());
}

const valueOf = <T>(output: pulumi.Output<T>) => new Promise<T>((resolve) => output.apply(resolve));

describe("readInputs", () => {
  it("returns what a platform is created from", async () => {
    await fakeEngine();
    await configure({ env: '{"LOG_LEVEL":"debug","WORKERS":2}' });
    const { settings, environment, ...inputs } = await readInputs();
    expect(inputs).toMatchObject({ stack: "local", engine: { platform: "linux/arm64" }, app: { repository: "" } });
    expect(settings).toMatchObject({ platform: "docker", port: 18473 });
    expect(environment).toEqual({ plain: { LOG_LEVEL: "debug", WORKERS: "2" }, secret: {} });
  });

  it("returns variables and credentials that can be secret only as Pulumi secrets", async () => {
    await fakeEngine();
    await configure({ env: '{"STRIPE_SECRET_KEY":"sk","WORKERS":2}', netrc: NETRC }, ["env", "netrc"]);
    const { settings, environment, netrc } = await readInputs();
    expect(settings).not.toHaveProperty("env");
    expect(settings).not.toHaveProperty("netrc");
    expect(environment.plain).toEqual({});
    const secrets = { ...environment.secret, netrc };
    expect(await valueOf(pulumi.output(secrets))).toEqual({ STRIPE_SECRET_KEY: "sk", WORKERS: "2", netrc: NETRC });
    for (const secret of Object.values(secrets)) expect(await pulumi.isSecret(secret)).toBe(true);
  });

  it("fails with the problems of the settings and of the machine in one message", async () => {
    noEngine();
    await configure({ registryPort: "18473", netrc: NETRC, app: '{"path":"missing"}' });
    const error = (await readInputs().catch((reason: unknown) => reason)) as Error;
    expect(pulumi.RunError.isInstance(error)).toBe(true);
    expect(error.message).toContain("stack local: 4 problems, nothing was changed");
    for (const key of ["registryPort = 18473", "netrc\n", 'app = {"path":"missing"}', "platform = docker"]) {
      expect(error.message).toContain(`spatialforge:${key}`);
    }
    expect(error.message).not.toContain("hunter2");
  });

  it("fails with the problems of the schema alone, because the machine is checked for valid settings only", async () => {
    noEngine();
    await configure({ gpu: "maybe" });
    await expect(readInputs()).rejects.toThrow(/stack local: 1 problem, nothing was changed\n {2}spatialforge:gpu/);
  });
});
