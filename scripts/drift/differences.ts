import { createHash } from "node:crypto";
import type { EngineEvent, StepEventStateMetadata } from "@pulumi/pulumi/automation";

/** A property that differs. The values are for people: secrets are replaced, and long values are cut. */
export interface Difference {
  property: string;
  /** Value in the state. */
  expected: string;
  /** Value in AWS. */
  actual: string;
}

/** A resource that was changed outside of Pulumi. */
export interface DriftedResource {
  /** Such as `aws:cloudwatch/logGroup:LogGroup`. */
  type: string;
  name: string;
  /** Whether it does not exist any more. */
  missing: boolean;
  /** Empty if the resource is missing. */
  differences: Difference[];
}

/** Maximum number of characters of a value in the report. */
const MAXIMUM_LENGTH = 200;

/** Key of a value with a special type. Source: sdk/go/common/resource/sig/sig.go in pulumi/pulumi. */
const SIGNATURE_KEY = "4dabf18193072939515e22adb298388d";

/** Shown instead of the value of a secret. */
const SECRET = "[secret]";

/** The operations with which a refresh reports a change. For all other resources, it is `same`. */
const CHANGES = new Set(["update", "delete"]);

/** The resources that differ, from the events of the preview of a refresh, by type and name. */
export const driftedResources = (events: readonly EngineEvent[]): DriftedResource[] =>
  events
    .flatMap(({ resOutputsEvent }) => resOutputsEvent?.metadata ?? [])
    .filter(({ op }) => CHANGES.has(op))
    .map(({ type, urn, old, new: actual, diffs = [] }) => ({
      type,
      name: urn.split("::").at(-1) ?? urn,
      missing: !actual,
      differences: old && actual ? differencesOf(old, actual, diffs) : [],
    }))
    .sort((a, b) => `${a.type} ${a.name}`.localeCompare(`${b.type} ${b.name}`));

/** The properties of which the engine reports a difference. `tagsAll` follows `tags`. Only the values of secrets can look equal. */
const differencesOf = (old: StepEventStateMetadata, actual: StepEventStateMetadata, keys: readonly string[]) =>
  keys
    .filter((key) => key !== "tagsAll" || !keys.includes("tags"))
    .map((key) => ({
      property: key,
      expected: shown(old.inputs[key] ?? old.outputs[key]),
      actual: shown(actual.outputs[key] ?? actual.inputs[key]),
    }))
    .filter((one) => one.expected !== one.actual || one.actual.includes(SECRET))
    .sort((a, b) => a.property.localeCompare(b.property));

const digest = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 8);

function shown(value: unknown): string {
  if (value === undefined || value === null) return "(none)";
  const visible = withoutSecrets(value);
  const text = typeof visible === "string" ? visible : JSON.stringify(visible);
  // Two values that differ only after the cut would look equal, so the end has a digest.
  return text.length > MAXIMUM_LENGTH
    ? `${text.slice(0, MAXIMUM_LENGTH)}... (${text.length} characters, SHA-256 ${digest(text)})`
    : text;
}

/** The engine has already removed the values of secrets. It leaves objects with a signature in their places. */
function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== "object" || value === null) return value;
  if (SIGNATURE_KEY in value) return SECRET;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withoutSecrets(one)]));
}
