import { LockError } from "../../stack/lock/error";
import type { LockRecord } from "../../stack/lock/fit";
import { INPUTS_FILE } from "../../stack/lock/groups";
import type { LockInputs } from "../../stack/lock/inputs";
import { parsePins, type Pin } from "./pins";
import type { LockFiles } from "./report";

/** Whether a lock was created for the Python versions and the machines of these inputs. The hashes for others are not in it. */
export function hasPythonsOf(inputs: LockInputs, before: LockFiles): boolean {
  try {
    const previous = (JSON.parse(before[INPUTS_FILE]) as LockRecord).inputs;
    return previous["requires-python"] === inputs["requires-python"] && previous.environment === inputs.environment;
  } catch {
    return false;
  }
}

/** The pins in a file of a lock. @throws LockError that names the file if it is damaged */
export function pinsOf(files: LockFiles, file: string): Pin[] {
  try {
    return parsePins(files[file] ?? "");
  } catch (error) {
    throw new LockError(`${file}: ${(error as Error).message}\nRestore this file, or delete it to create it again`);
  }
}
