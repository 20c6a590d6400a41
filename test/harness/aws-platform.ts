import * as pulumi from "@pulumi/pulumi";
import { readStackConfig, type AwsStackName } from "../../scripts/stack-file";
import { openApp } from "../../stack/app/source";
import type { Model } from "../../stack/config/models";
import { settingsSchema } from "../../stack/config/schema";
import type { Promotion } from "../../stack/images/promotion";
import { mockEngine, type MockOptions, type Registered } from "./mocks";

export interface AwsPlatformOptions {
  /** Secret environment variables of the application. */
  secrets?: Record<string, string>;
  /** Models that the settings name. */
  models?: Model[];
  /** Token for gated models. */
  huggingFaceToken?: string;
  /** Location of the mocked AWS provider. */
  location?: MockOptions["aws"];
  /** The release of another stack that is promoted. Default: images are built, whatever the file of the stack says. */
  promotion?: Promotion;
}

type AwsOverrides = Record<string, object | boolean | number | string>;

const results = new Map<string, Promise<Registered[]>>();

/**
 * All resources that an AWS stack registers, with the sample application and the settings of the stack's file. Equal calls within a test
 * file return the same result, which tests must not change.
 * @param aws - settings of the section `aws`, which are merged into those of the file
 */
export function awsPlatform(
  stack: AwsStackName,
  aws: AwsOverrides = {},
  options: AwsPlatformOptions = {},
): Promise<Registered[]> {
  const key = JSON.stringify([stack, aws, options]);
  const result = results.get(key) ?? registerAwsPlatform(stack, aws, options);
  results.set(key, result);
  return result;
}

/** As {@link awsPlatform}, but each call runs the program again. */
export async function registerAwsPlatform(
  stack: AwsStackName,
  aws: AwsOverrides = {},
  { secrets = {}, models = [], huggingFaceToken, location, promotion }: AwsPlatformOptions = {},
): Promise<Registered[]> {
  const config = readStackConfig(stack);
  const { "aws:defaultTags": defaultTags, aws: settingsOfFile, ...values } = config;
  const registered = await mockEngine(stack, {
    config: { "aws:defaultTags": JSON.stringify(defaultTags) },
    aws: location,
  });
  const merged = { ...(settingsOfFile as AwsOverrides) };
  for (const [key, value] of Object.entries(aws)) {
    merged[key] = typeof value === "object" ? { ...(merged[key] as object), ...value } : value;
  }
  const parsed = settingsSchema.parse({ ...values, app: { path: "sample-app" }, models, aws: merged });
  const { env, netrc, ...settings } = parsed;
  const secret = Object.entries(secrets).map(([name, value]) => [name, pulumi.secret(value)]);
  const { AwsPlatform } = await import("../../stack/aws/platform.js");
  new AwsPlatform("spatialforge", {
    stack,
    settings,
    environment: { plain: env, secret: Object.fromEntries(secret) as Record<string, pulumi.Output<string>> },
    netrc: pulumi.secret(netrc),
    huggingFaceToken: huggingFaceToken ? pulumi.secret(huggingFaceToken) : undefined,
    engine: { platform: "linux/amd64" },
    gpu: { usable: false, description: "not used" },
    app: await openApp({ path: "sample-app" }),
    availabilityZones: ["zone-a", "zone-b", "zone-c"].slice(0, settings.aws.network.availabilityZones),
    promotion,
  });
  await pulumi.runtime.disconnect();
  return registered;
}
