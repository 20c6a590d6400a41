import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { vi } from "vitest";
import { parse } from "yaml";
import { ROOT } from "../../stack/root";
import { settingsSchema } from "../../stack/settings/schema";
import { openApp } from "../../stack/source/app";
import { mockEngine, type Registered } from "./mocks";

/** Config of a stack's own file, by its keys without the namespace. */
export function configOf(stack: "dev" | "prod"): Record<string, unknown> {
  const { config } = parse(readFileSync(join(ROOT, `Pulumi.${stack}.yaml`), "utf8")) as {
    config: Record<string, unknown>;
  };
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace("spatialforge:", ""), value]));
}

/** All that a stack of the platform aws registers, with the sample app and its own file's settings; `aws` is merged into them. */
export async function awsPlatform(
  stack: "dev" | "prod",
  aws: Record<string, object | boolean> = {},
): Promise<Registered[]> {
  const registered = await mockEngine(stack);
  const config = configOf(stack);
  const own = config.aws as Record<string, object>;
  const merged = Object.fromEntries(
    [...new Set([...Object.keys(own), ...Object.keys(aws)])].map((key) => {
      const more = aws[key] ?? own[key];
      return [key, typeof more === "object" && !Array.isArray(more) ? { ...own[key], ...more } : more];
    }),
  );
  const settings = settingsSchema.parse({ ...config, app: { path: "sample-app" }, aws: merged });
  // Contexts are staged in one place, and these tests run beside those of that.
  vi.doMock("../../stack/source/stage", () => ({
    stage: (_: unknown, { name }: { name: string }) => ({ path: `.build/${name}`, hash: "0123456789ab" }),
  }));
  const { AwsPlatform } = await import("../../stack/aws/platform.js");
  const app = await openApp({ path: "sample-app" });
  const machine = { platform: "linux/amd64", gpu: true };
  new AwsPlatform("spatialforge", { settings, stack, machine, app });
  await pulumi.runtime.disconnect();
  return registered;
}
