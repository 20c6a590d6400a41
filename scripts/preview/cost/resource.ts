/** A resource of a stack, as an event of Pulumi's engine or the state describes it. */
export interface CostResource {
  urn: string;
  /** Type token, as in `aws:ec2/natGateway:NatGateway`. */
  type: string;
  /** Name in the program. */
  name: string;
  /** URN of the parent. Undefined if it has none. */
  parent: string | undefined;
  /** Inputs. In a preview, unknown values are marked: {@link isUnknown}. */
  inputs: Record<string, unknown>;
}

/**
 * How Pulumi's engine marks a value that is not known in a preview, in its events.
 * Source: UnknownStringValue and its neighbors, https://github.com/pulumi/pulumi/blob/master/sdk/go/common/resource/plugin/rpc.go
 */
const UNKNOWN_VALUES = new Set([
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7", // boolean
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421", // number
  "04da6b54-80e4-46f7-96ec-b56ff0331ba9", // string
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2", // array
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff", // object
]);

/** A cost depends on something that is not known. The message is what, for example an input. */
export class UnknownInput extends Error {}

/** Whether a value is not known in a preview. */
export const isUnknown = (value: unknown): boolean =>
  typeof value === "string"
    ? UNKNOWN_VALUES.has(value)
    : typeof value === "object" && value !== null && "__pulumiUnknown" in value;

/**
 * An input of a resource by its path, as in `autoScalingGroupProvider.managedScaling.status`.
 * @returns undefined if the input, or a part of the path, is not set
 * @throws UnknownInput if it is not known
 */
export function input(resource: CostResource, path: string): unknown {
  let value: unknown = resource.inputs;
  for (const key of path.split(".")) {
    value = (value as Record<string, unknown>)[key] ?? undefined;
    if (isUnknown(value)) throw new UnknownInput(`\`${path}\``);
    if (value === undefined) return undefined;
  }
  return value;
}

/**
 * A number among the inputs of a resource.
 * @param fallback - value if the input is not set. Default: it must be set
 * @throws UnknownInput if it is not known
 */
export function numberInput(resource: CostResource, path: string, fallback?: number): number {
  const value = input(resource, path) ?? fallback;
  const number = typeof value === "string" && value.trim() ? Number(value) : value;
  if (typeof number !== "number" || !Number.isFinite(number)) throw new UnknownInput(`\`${path}\``);
  return number;
}

/**
 * A text among the inputs of a resource.
 * @throws UnknownInput if it is not known or not set
 */
export function textInput(resource: CostResource, path: string): string {
  const value = input(resource, path);
  if (typeof value !== "string") throw new UnknownInput(`\`${path}\``);
  return value;
}

/**
 * A list among the inputs of a resource, whose elements can be unknown. A list that is not set is empty.
 * @param minimum - smallest number of elements for which the cost is known. Default: 0
 * @throws UnknownInput if it is not known, or has fewer elements
 */
export function listInput(resource: CostResource, path: string, minimum = 0): unknown[] {
  const value = input(resource, path) ?? [];
  if (!Array.isArray(value) || value.length < minimum) throw new UnknownInput(`\`${path}\``);
  return value;
}

/** The resources of a stack. */
export class StackResources {
  constructor(readonly all: readonly CostResource[]) {}

  ofType(type: string): CostResource[] {
    return this.all.filter((resource) => resource.type === type);
  }

  /**
   * The resource of a type that has the same parent as another resource.
   * @throws UnknownInput if there is not exactly one
   */
  sibling(resource: CostResource, type: string): CostResource {
    const [found, ...others] = this.ofType(type).filter(({ parent }) => parent === resource.parent);
    if (!found || others.length) throw new UnknownInput(`its ${type}`);
    return found;
  }
}
