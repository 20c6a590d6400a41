import { statefulOf } from "../../stack/aws/stateful";
import type { RolledBack } from "../../stack/registry/ecr-releases";
import type { BaseRef } from "./base-ref";
import { costChange, type CostChange } from "./cost-change";
import { IMAGE_TYPE, rebuiltImages, type RebuiltImage } from "./images";
import type { ResourceChange } from "./resource-change";
import { restartsOf, SERVICE_TYPES, type Restarts } from "./restarts";
import type { PolicyFinding, Preview } from "./run-preview";
import { changedSettings, type ChangedSetting } from "./settings";

/** A resource that is replaced or deleted. */
export interface Removal {
  op: "replace" | "delete";
  type: string;
  name: string;
  /** Properties that require the replacement. */
  because: string[];
  /** What it holds, and the documented step that the removal needs. Undefined if it holds no data. */
  stateful?: { name: string; loses: string; step: string };
  /** Whether Pulumi refuses the removal. */
  protected: boolean;
}

/** What a preview of a stack would change, as data. */
export interface Summary {
  stack: string;
  result: "unchanged" | "changed" | "failed";
  /** Messages of a preview that failed. */
  errors: string[];
  /** The rollback that the update would undo. */
  undoneRollback?: RolledBack;
  /** Number of resources that are created. */
  created: number;
  /** Number of resources that are updated in place, without images and roles that restart. */
  updated: number;
  images: RebuiltImage[];
  restarts: Restarts;
  /** Those that hold data first. */
  removals: Removal[];
  settings: ChangedSetting[];
  policy: PolicyFinding[];
  /** Undefined for a preview that failed, and for a stack without AWS resources. */
  cost?: CostChange;
}

export interface SummaryArgs {
  stack: string;
  preview: Preview;
  /** Undefined without a git ref to compare with: no files, packages, and settings are named. */
  base?: BaseRef;
  /** Name of the lock of the application. */
  lock?: string;
  /** The rollback that the update would undo. */
  undoneRollback?: RolledBack;
}

/** Summarizes a preview. */
export async function summarize({ stack, preview, base, lock, undoneRollback }: SummaryArgs): Promise<Summary> {
  const { changes, findings, errors, region } = preview;
  const restarts = restartsOf(changes);
  const changed = changes.some(({ op }) => op !== "same");
  return {
    stack,
    result: errors.length > 0 ? "failed" : changed ? "changed" : "unchanged",
    errors,
    ...(undoneRollback && changed && { undoneRollback }),
    created: changes.filter(({ op }) => op === "create").length,
    updated: changes.filter((change) => change.op === "update" && !isListed(change, restarts)).length,
    images: await rebuiltImages(changes, { base, lock, stack }),
    restarts,
    removals: removalsOf(changes),
    settings: base ? changedSettings(base.configs(stack)) : [],
    policy: findings,
    cost: errors.length > 0 ? undefined : costChange(changes, region),
  };
}

/** Whether an update is listed as an image or as a restart. */
const isListed = ({ type, name }: ResourceChange, { roles }: Restarts): boolean =>
  type === IMAGE_TYPE || (SERVICE_TYPES.includes(type) && roles.some(({ role }) => role === name));

/** Resources whose replacement is a new revision of the same thing. The old one stays in use until nothing needs it. */
const REVISIONS = ["aws:ecs/taskDefinition:TaskDefinition", "aws:secretsmanager/secretVersion:SecretVersion"];

function removalsOf(changes: readonly ResourceChange[]): Removal[] {
  const removals = changes.flatMap(({ op, type, name, replacedBy, ...change }): Removal[] => {
    const entry = statefulOf(type, name);
    if ((op !== "replace" && op !== "delete") || (REVISIONS.includes(type) && !entry)) return [];
    const stateful = entry && { name: entry.name, loses: entry.loses, step: entry.step };
    return [{ op, type, name, because: replacedBy, protected: change.protected, ...(stateful && { stateful }) }];
  });
  return removals.sort((a, b) => Number(!!b.stateful) - Number(!!a.stateful));
}
