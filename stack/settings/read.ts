import * as pulumi from "@pulumi/pulumi";
import { describe, parseSettings } from "./parse";
import { userError } from "../user-error";
import { machineProblems, type Machine } from "./machine";
import type { Settings } from "./schema";
import type { AppSource } from "../source/app";

/** Everything that the program is a function of. */
export interface Inputs {
  settings: Settings;
  /** Whether the variables of `spatialforge:env` are secret: Pulumi marks the whole of them, or nothing. */
  secretEnv: boolean;
  stack: string;
  machine: Machine;
  app: AppSource;
}

/**
 * Reads and checks the whole config of the stack, and whether this machine can do what it says.
 * @throws RunError that lists everything that is wrong, before any resource is registered.
 */
export async function readInputs(): Promise<Inputs> {
  const stack = pulumi.getStack();
  const prefix = "spatialforge:";
  const all = Object.entries(pulumi.runtime.allConfig()).filter(([key]) => key.startsWith(prefix));
  const raw = {
    stack,
    values: Object.fromEntries(all.map(([key, value]) => [key.slice(prefix.length), value])),
    secret: new Set(secretKeys().map((key) => key.slice(prefix.length))),
  };
  const { settings, problems } = parseSettings(raw);
  const found = settings && (await machineProblems(settings, stack));
  const wrong = [...problems, ...(found?.problems ?? [])];
  if (wrong.length || !settings || !found?.machine || !found.app) throw userError(describe(wrong, stack));
  return { settings, secretEnv: raw.secret.has("env"), stack, machine: found.machine, app: found.app };
}

/** Keys of secret values, as the engine names them to the program. */
function secretKeys(): string[] {
  return JSON.parse(process.env.PULUMI_CONFIG_SECRET_KEYS || "[]") as string[];
}
