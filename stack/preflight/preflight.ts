import { AppError, openApp, type AppSource } from "../app/source";
import { dockerClient } from "../clients/docker";
import { buildsImages } from "../config/builds";
import { withoutCredentials, type Problem } from "../config/problem";
import type { Settings } from "../config/schema";
import { pythonProblems } from "../lock/base-python";
import type { Promotion } from "../images/promotion";
import { lockedCuda } from "../lock/cuda";
import type { Account } from "./account";
import { buildNetworkProblems } from "./build-network";
import { emulationProblems } from "./emulation";
import { inspectEngine, type Engine } from "./engine";
import { chooseGpu, type Gpu } from "./gpu";
import { localProblems } from "./local";

export interface Preflight {
  problems: Problem[];
  /** Absent if the engine does not answer. */
  engine?: Engine;
  /** Absent if the engine does not answer. */
  gpu?: Gpu;
  /** Absent if the source cannot be opened. */
  app?: AppSource;
  /** Availability Zones of the subnets. Empty on another platform than aws. */
  availabilityZones: string[];
  /** The release of another stack that is deployed. */
  promotion?: Promotion;
}

/** Checks the settings against the machine and the AWS account, and collects all problems. */
export async function preflight(settings: Settings, stack: string): Promise<Preflight> {
  const [app, { engine, problems }, account] = await Promise.all([
    openSource(settings, stack),
    inspectEngine(settings),
    inspectAccount(settings),
  ]);
  const local = engine && (await inspectMachine(settings, stack, engine, app.source));
  const python = app.source && buildsImages(settings) ? pythonsOf(settings, app.source, local?.gpu) : [];
  const isReady = app.source && !app.problems.length && !account.problems.length;
  const promoted = isReady ? await inspectPromotion(settings, app.source!, account.promotion) : { problems: [] };
  return {
    problems: [
      ...app.problems,
      ...python,
      ...buildNetworkProblems(settings),
      ...problems,
      ...account.problems,
      ...promoted.problems,
      ...(local?.problems ?? []),
    ],
    engine,
    gpu: local?.gpu,
    app: app.source,
    availabilityZones: account.availabilityZones,
    promotion: promoted.promotion,
  };
}

/** Checks what each platform requires of this machine. */
async function inspectMachine(
  settings: Settings,
  stack: string,
  engine: Engine,
  app?: AppSource,
): Promise<{ gpu: Gpu; problems: Problem[] }> {
  if (settings.platform !== "docker") {
    return {
      gpu: NO_GPU,
      problems: buildsImages(settings) ? await emulationProblems(dockerClient(), stack, engine) : [],
    };
  }
  const cuda = app && lockedCuda(app.lockFolder);
  const { gpu, problems } = await chooseGpu(dockerClient(), settings, stack, engine.nvidiaRuntime, cuda);
  return { gpu, problems: [...problems, ...(await localProblems(settings, stack, gpu.usable))] };
}

/** Compares the range of the app with the Python of each base that is used. */
function pythonsOf({ platform, allImages, bases, python }: Settings, app: AppSource, gpu?: Gpu): Problem[] {
  const usesGpuBase = platform === "aws" || allImages || gpu?.usable;
  return pythonProblems(app.requiresPython, { ...(usesGpuBase && { gpu: bases.gpu }), cpu: bases.cpu }, python);
}

const NO_GPU: Gpu = { usable: false, description: "no service runs on this machine" };

async function openSource({ app }: Settings, stack: string): Promise<{ source?: AppSource; problems: Problem[] }> {
  try {
    const source = await openApp(app);
    return { source, problems: [...source.problems, ...source.treeProblems(), ...source.lockProblems(stack)] };
  } catch (error) {
    const value = withoutCredentials(JSON.stringify(app));
    const remedies = error instanceof AppError ? error.remedies : [(error as Error).message];
    return { problems: remedies.map((remedy) => ({ key: "app", value, remedy })) };
  }
}

/** Finds the release to promote. Loads the search only for a stack that is promoted. A release in the settings comes first. */
async function inspectPromotion(
  settings: Settings,
  app: AppSource,
  deployed?: Promotion,
): Promise<{ promotion?: Promotion; problems: Problem[] }> {
  if (!settings.promoteFrom || settings.release) return { problems: [] };
  const promotion = await import("./promotion.js");
  return promotion.findPromotion(settings, app, deployed);
}

/** Loads the check of the account only for the platform aws: loading `@pulumi/aws` takes about 1 s. */
async function inspectAccount(settings: Settings): Promise<Account> {
  if (settings.platform !== "aws") return { problems: [], availabilityZones: [] };
  const account = await import("./account.js");
  return account.inspectAccount(settings);
}
