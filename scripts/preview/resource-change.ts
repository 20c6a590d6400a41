import { isDeepStrictEqual } from "node:util";
import type { EngineEvent, StepEventMetadata } from "@pulumi/pulumi/automation";
import { typeOf, nameOf } from "../urn";

/** What a preview does with a resource. A replacement is one change. */
export type Operation = "create" | "update" | "replace" | "delete" | "same";

/** A resource in a preview. Secret values are `[secret]`. */
export interface ResourceChange {
  urn: string;
  /** As in `aws:ecs/service:Service`. */
  type: string;
  name: string;
  /** URN of the parent. Undefined if it has none. */
  parent: string | undefined;
  op: Operation;
  /** Names of the inputs that differ, without the paths inside of them. */
  properties: string[];
  /** Names of the inputs that require a replacement. */
  replacedBy: string[];
  protected: boolean;
  /** Inputs in the state. Undefined for a resource that will be created. */
  old?: Record<string, unknown>;
  /** Inputs that the program sets. Undefined for a resource that will be deleted. */
  new?: Record<string, unknown>;
}

/** Operations of the engine. Those of a replacement are merged: the step `replace` has the differences. */
const OPERATIONS: Partial<Record<string, Operation>> = {
  create: "create",
  update: "update",
  replace: "replace",
  delete: "delete",
  same: "same",
  import: "create",
  "import-replacement": "replace",
};

/** The resources of a preview, in the order of the engine. Components and providers are not resources of a platform, and are left out. */
export function resourceChanges(events: readonly EngineEvent[]): ResourceChange[] {
  return events.flatMap(({ resourcePreEvent }) => {
    const step = resourcePreEvent?.metadata;
    const op = step && OPERATIONS[step.op];
    return step && op && (step.new ?? step.old)?.custom && !step.type.startsWith("pulumi:") ? [changeOf(step, op)] : [];
  });
}

function changeOf(step: StepEventMetadata, op: Operation): ResourceChange {
  return {
    urn: step.urn,
    type: typeOf(step.urn),
    name: nameOf(step.urn),
    parent: (step.new ?? step.old)?.parent || undefined,
    op,
    properties: differing(step),
    replacedBy: unique((step.keys ?? []).map(topLevel)),
    protected: step.old?.protect === true,
    ...(step.old && op !== "create" ? { old: step.old.inputs } : {}),
    ...(step.new && op !== "delete" ? { new: step.new.inputs } : {}),
  };
}

/** The names of the inputs that differ. A provider can list more, such as a list that it also computes. */
function differing({ diffs = [], old, new: current }: StepEventMetadata): string[] {
  const names = unique(diffs.map(topLevel));
  const changed = names.filter((name) => !isDeepStrictEqual(old?.inputs[name], current?.inputs[name]));
  return changed.length > 0 ? changed : names;
}

const topLevel = (path: string): string => path.split(/[.[]/)[0];
const unique = (names: string[]): string[] => [...new Set(names)].sort();
