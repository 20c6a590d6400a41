import { statefulOf } from "../../stack/aws/stateful";
import type { BaseRef } from "./base-ref";
import { costChange, type CostChange } from "./cost-change";
import { rebuiltImages, type RebuiltImage } from "./images";
import type { ResourceChange } from "./resource-change";
import { restartsOf, type Restarts } from "./restarts";
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
  /** Number of resources that are created. */
  created: number;
  /** Number of resources that are updated in place, without images and services. */
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
}

/** Summarizes a preview. */
export async function summarize({ stack, preview, base, lock }: SummaryArgs): Promise<Summary> {
  const { changes, findings, errors, region } = preview;
  const changed = changes.some(({ op }) => op !== "same");
  return {
    stack,
    result: errors.length > 0 ? "failed" : changed ? "changed" : "unchanged",
    errors,
    created: changes.filter(({ op }) => op === "create").length,
    updated: changes.filter(({ op, type }) => op === "update" && !SHOWN_AS.includes(type)).length,
    images: await rebuiltImages(changes, { base, lock, stack }),
    restarts: restartsOf(changes),
    removals: removalsOf(changes),
    settings: base ? changedSettings(base.configs(stack)) : [],
    policy: findings,
    cost: errors.length > 0 ? undefined : costChange(changes, region),
  };
}

/** Resources whose updates are listed as images and restarts. */
const SHOWN_AS = ["docker:index/image:Image", "aws:ecs/service:Service", "docker:index/container:Container"];

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
