import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { withoutCredentials, type Problem } from "../config/problem";
import { INPUTS_FILE, isLockFile } from "./groups";
import { lockInputs, type LockInputs } from "./inputs";
import { isList, isTable, type AppProject, type LockChoice } from "./project";
import { requirementName } from "./requirement";

/** `inputs.json` of a lock. */
export interface LockRecord {
  readonly inputs: LockInputs;
  /** Packages of the CPU image that are installed without a hash, because the PyTorch CPU index could not be reached. */
  readonly withoutHashes: readonly string[];
  /** Packages that an image build compiles, each with the reason. */
  readonly compiled: Readonly<Record<string, string>>;
  /** Names of the other files of the lock, sorted. */
  readonly files: readonly string[];
}

/** The inputs as `inputs.json` contains them: without the credentials of URLs. */
export function recordedInputs(inputs: LockInputs): LockInputs {
  return JSON.parse(withoutCredentials(JSON.stringify(inputs))) as LockInputs;
}

/** The problems of a lock with an app: each file and each input that differs from `inputs.json`. Empty if the lock fits. @param stack - for the remedy */
export function lockProblems(project: AppProject, choice: LockChoice, lockFolder: string, stack: string): Problem[] {
  const { inputs, problems } = lockInputs(project, choice);
  if (problems.length > 0) return problems.map((remedy) => ({ key: "app", remedy }));
  const remedy = `npm run lock -- --stack ${stack}`;
  const problem = (required: string, locked: string) => ({
    key: "app",
    value: `${required} (locked: ${locked})`,
    remedy,
  });
  const files = existsSync(lockFolder) ? readdirSync(lockFolder).filter(isLockFile) : [];
  if (files.length === 0) return [problem("a lock of the dependencies", "none")];
  if (!files.includes(INPUTS_FILE)) return [problem(INPUTS_FILE, "no such file")];
  try {
    const record = JSON.parse(readFileSync(join(lockFolder, INPUTS_FILE), "utf8")) as LockRecord;
    const recorded = [INPUTS_FILE, ...(record.files ?? [])];
    const wrong = [
      ...recorded.filter((file) => !files.includes(file)).map((file) => problem(file, "no such file")),
      ...files.filter((file) => !recorded.includes(file)).map((file) => problem(file, "not in inputs.json")),
    ];
    if (wrong.length > 0) return wrong;
    const [now, before] = [recordedInputs(inputs), record.inputs].map((one) => new Map(entries(one)));
    return [...new Set([...now.keys(), ...before.keys()])]
      .filter((name) => now.get(name) !== before.get(name))
      .map((name) => problem(`${name}: ${now.get(name) ?? "not set"}`, before.get(name) ?? "not set"));
  } catch (error) {
    return [problem(INPUTS_FILE, (error as Error).message)];
  }
}

/** The values in some inputs, each with its path. A requirement has the name of its package in its path. */
function entries(value: unknown, path: readonly string[] = []): [path: string, value: string][] {
  if (isTable(value)) return Object.entries(value).flatMap(([key, one]) => entries(one, [...path, key]));
  if (!isList(value)) return [[path.join("."), typeof value === "string" ? value : JSON.stringify(value)]];
  const names = [...new Set(value.map((one) => requirementName(one) || one))];
  return names.map((name) => [
    [...path, name].join("."),
    value.filter((one) => (requirementName(one) || one) === name).join(" and "),
  ]);
}
