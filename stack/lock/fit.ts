import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { withoutCredentials } from "../config/problem";
import { groupFile, GROUPS, INPUTS_FILE } from "./groups";
import { lockInputs } from "./inputs";
import type { LockInputs } from "./inputs";
import { isList, readAppProject } from "./project";
import type { LockChoice } from "./project";
import { requirementName } from "./requirement";

/** `inputs.json` of a lock. */
export interface LockRecord {
  readonly inputs: LockInputs;
  /** Packages of the CPU image that are installed without a hash, because the PyTorch CPU index could not be reached. */
  readonly withoutHashes: readonly string[];
  /** Packages that an image build compiles, each with the reason. */
  readonly compiled: Readonly<Record<string, string>>;
}

/** The inputs as `inputs.json` contains them: without the credentials of URLs. */
export function recordedInputs(inputs: LockInputs): LockInputs {
  return JSON.parse(withoutCredentials(JSON.stringify(inputs))) as LockInputs;
}

/** A reason why a lock does not fit an app. */
interface Problem {
  /** What the app requires. */
  readonly requirement: string;
  /** What the lock was created from instead. */
  readonly locked: string;
  /** The command that fixes it. */
  readonly remedy: string;
}

/**
 * The reasons why a lock does not fit an app. Empty if it fits: then `inputs.json` lists exactly what the `pyproject.toml` and the choice
 * contain, in any order.
 *
 * @param app - values for the remedy: path of the app (default: `PATH`) and name of the lock (default: the project's name)
 */
export function lockProblems(
  pyprojectText: string,
  choice: LockChoice,
  lockFolder: string,
  app: { readonly path?: string; readonly name?: string } = {},
): Problem[] {
  let inputs: LockInputs;
  let name: string;
  try {
    const project = readAppProject(pyprojectText);
    name = app.name ?? project.name;
    inputs = lockInputs(project, choice);
  } catch (error) {
    const remedy = "fix the pyproject.toml of the app, or the settings app.*";
    return (error as Error).message
      .split("\n")
      .map((locked) => ({ requirement: "pyproject.toml", locked: withoutCredentials(locked), remedy }));
  }
  const remedy = lockCommand(app.path ?? "PATH", name, choice);
  const problem = (requirement: string, locked: string): Problem => ({
    requirement: withoutCredentials(requirement),
    locked: withoutCredentials(locked),
    remedy,
  });
  const files = existsSync(lockFolder) ? readdirSync(lockFolder) : [];
  if (files.length === 0) return [problem("a lock of the dependencies", "none")];
  const needed = [INPUTS_FILE, ...GROUPS.map((group) => groupFile(group, "gpu", files))];
  const missing = needed.filter((file) => !files.includes(file));
  if (missing.length > 0) return missing.map((file) => problem(file, "no such file in the lock"));
  try {
    const record = JSON.parse(readFileSync(join(lockFolder, INPUTS_FILE), "utf8")) as LockRecord;
    return differences(recordedInputs(inputs), record.inputs).map(([required, locked]) => problem(required, locked));
  } catch (error) {
    return [problem(INPUTS_FILE, (error as Error).message)];
  }
}

/** The command that creates a lock. */
export function lockCommand(path: string, name: string, choice: LockChoice = {}): string {
  const options: [string, readonly string[] | undefined][] = [
    ["extra", choice.extras],
    ["group", choice.groups],
    ["requirement", choice.requirements],
    ["override", choice.overrides],
  ];
  const chosen = options.flatMap(([option, values = []]) => values.map((value) => ` --${option} ${quoted(value)}`));
  return `npm run lock -- --app ${path} --name ${name}${chosen.join("")}`;
}

const quoted = (text: string): string =>
  /^[\w.-]+$/.test(text) ? text : text.includes("'") ? `"${text}"` : `'${text}'`;

/** Pairs of what is required and what was locked. */
function differences(required: object, locked: object, path = ""): [required: string, locked: string][] {
  const keys = [...new Set([...Object.keys(required), ...Object.keys(locked)])];
  return keys.flatMap((key) => {
    const [now, before] = [required, locked].map((table) => (table as Record<string, unknown>)[key]);
    const name = path ? `${path}.${key}` : key;
    if (text(now) === text(before)) return [];
    if (isList(now) && isList(before)) return listDifferences(name, now, before);
    if (isTable(now) && isTable(before)) return differences(now, before, name);
    return [
      [`${name} ${now === undefined ? "is not set" : text(now)}`, before === undefined ? "not set" : text(before)],
    ];
  });
}

function listDifferences(name: string, now: string[], before: string[]): [required: string, locked: string][] {
  const added = now.filter((one) => !before.includes(one));
  const removed = before.filter((one) => !now.includes(one));
  const samePackage = (one: string) => removed.find((other) => requirementName(other) === requirementName(one));
  const replaced = added.map(samePackage);
  return [
    ...added.map((one, index): [string, string] => [`${name}: ${one}`, replaced[index] ?? "without it"]),
    ...removed
      .filter((one) => !replaced.includes(one))
      .map((one): [string, string] => [`${name}: no ${requirementName(one) || one}`, one]),
  ];
}

const isTable = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const text = (value: unknown): string => JSON.stringify(value) ?? "";
