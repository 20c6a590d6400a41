/**
 * Optimizations that shorten the start of the program. Each comment gives the measured reason. The program works the same without them.
 */
import { enableCompileCache } from "node:module";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { PlatformArgs, PlatformConstructor } from "./platform";
import { Config } from "./pulumi/internals";
import { ROOT } from "./root";

/** Compiled modules are reused: a preview of `dev` takes 0.5 s less (5.9 s instead of 6.4 s, 3 runs each). */
enableCompileCache(join(ROOT, "node_modules", ".cache", "compile"));

/**
 * Milliseconds until a request to the provider is on its way. Loading modules blocks Node for about 2 s, so without this the provider would
 * start only after it (Node 24: 1.7 s of waiting in a preview of `dev`).
 */
const REQUEST_SENT_MS = 20;

/** The platforms. Each is loaded only if it is used: loading `@pulumi/aws` takes about 1 s. */
const PLATFORMS: Record<PlatformArgs["settings"]["platform"], () => Promise<PlatformConstructor>> = {
  docker: async () => (await import("./docker/platform.js")).DockerPlatform,
  aws: async () => (await import("./aws/platform.js")).AwsPlatform,
};

export const loadPlatform = (name: keyof typeof PLATFORMS): Promise<PlatformConstructor> => PLATFORMS[name]();

/** Reads the inputs. On AWS, the provider starts and the platform loads at the same time. */
export async function readInputs(): Promise<PlatformArgs> {
  if (new Config("spatialforge").get("platform") === "aws") await startAws();
  const inputs = await import("./inputs.js");
  return inputs.readInputs();
}

/**
 * Starts the AWS provider, which takes about 2 s, and loads the platform. Does not wait for either of them. Errors surface where the
 * results are awaited.
 */
async function startAws(): Promise<void> {
  const { callerIdentity } = await import("./clients/aws-identity.js");
  callerIdentity().catch(() => undefined);
  await setTimeout(REQUEST_SENT_MS);
  loadPlatform("aws").catch(() => undefined);
}

type FormatStack = (error: Error, frames: NodeJS.CallSite[]) => unknown;
const formatWithSourceMaps = Error.prepareStackTrace?.bind(Error) as FormatStack | undefined;
const formatPlain: FormatStack = (error, frames) => [error, ...frames].map(String).join("\n    at ");

/**
 * Omits the stack of errors without a message. Pulumi creates such an error for each of its promises, and source-map-support, which Pulumi
 * installs, formats their stacks. Without this, a preview of `dev` takes 8 % more CPU time (3 runs each, side by side).
 * `process.setSourceMapsEnabled(false)` does not help (12 % more): source-map-support does not read it. A build without source maps would
 * need another loader, because tsx always writes them. Errors with a message keep their stack. So do the errors with which Pulumi records
 * where a resource is created: Pulumi removes the stack trace limit for these.
 */
const formatStack: FormatStack = (error, frames) =>
  error.message || !Number.isFinite(Error.stackTraceLimit) ? (formatWithSourceMaps ?? formatPlain)(error, frames) : "";
Error.prepareStackTrace = formatStack;
