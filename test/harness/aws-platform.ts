import * as pulumi from "@pulumi/pulumi";
import { configOf, type AwsStackName } from "../../scripts/stack-file";
import { settingsSchema } from "../../stack/settings/schema";
import { openApp } from "../../stack/source/app";
import { mockEngine, type Registered } from "./mocks";

/** All that a stack of the platform aws registers, with the sample app and its own file's settings; `aws` is merged into them, `secretEnv` is secret. */
export async function awsPlatform(
  stack: AwsStackName,
  aws: Record<string, object | boolean> = {},
  secretEnv?: Record<string, string>,
): Promise<Registered[]> {
  const registered = await mockEngine(stack);
  const config = configOf(stack);
  const merged = { ...(config.aws as Record<string, object | boolean>) };
  for (const [key, more] of Object.entries(aws)) {
    merged[key] = typeof more === "object" ? { ...(merged[key] as object), ...more } : more;
  }
  const settings = settingsSchema.parse({
    ...config,
    app: { path: "sample-app" },
    aws: merged,
    ...(secretEnv && { env: secretEnv }),
  });
  const { AwsPlatform } = await import("../../stack/aws/platform.js");
  const app = await openApp({ path: "sample-app" });
  const machine = { platform: "linux/amd64", gpu: true };
  new AwsPlatform("spatialforge", { settings, secretEnv: secretEnv !== undefined, stack, machine, app });
  await pulumi.runtime.disconnect();
  return registered;
}
