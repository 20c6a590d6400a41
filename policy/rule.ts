/** A resource that a rule checks. */
export interface Resource {
  urn: string;
  /** Type token, as in `aws:s3/bucket:Bucket`. */
  type: string;
  name: string;
  /** Inputs. Values that a preview does not know are `UNKNOWN`. To read them takes time, so a rule reads the type first. */
  readonly props: Readonly<Record<string, unknown>>;
  /** The resource option `protect`. */
  protect: boolean;
}

/** A resource with its relations, which are known when all resources are registered. */
export interface StackResource extends Resource {
  /** URNs of the resources that each input depends on. */
  propertyDependencies: Readonly<Record<string, readonly string[]>>;
}

export interface Context {
  /** Whether this is a preview. Otherwise, it is an update. */
  preview: boolean;
  /** Whether the stack must protect its data: policy/stacks.ts. */
  production: boolean;
}

interface RuleBase {
  /** Name of the policy in the output of Pulumi. */
  name: string;
  /** What the rule requires. */
  description: string;
  /** Only warns, on all stacks. */
  advisory?: boolean;
}

/** A rule for single resources. An update checks a resource before it creates it. */
export interface ResourceRule extends RuleBase {
  /** The violations of a resource: what is wrong, and what to set. */
  check: (resource: Resource, context: Context) => string[];
}

/** A rule for relations between resources. An update checks it after it has created the resources, a preview before. */
export interface StackRule extends RuleBase {
  checkStack: (resources: readonly StackResource[], context: Context) => StackViolation[];
}

export interface StackViolation {
  resource: Resource;
  message: string;
}

export type Rule = ResourceRule | StackRule;

/** Requirements of a type of resource: a message for each one that its inputs do not meet. */
export type Requirements = Readonly<Record<string, readonly Requirement[]>>;
export type Requirement = readonly [met: (props: Resource["props"]) => boolean, message: string];

/** The check of a table of requirements. */
export const meets =
  (requirements: Requirements): ResourceRule["check"] =>
  (resource) =>
    (requirements[resource.type] ?? []).filter(([met]) => !met(resource.props)).map(([, message]) => message);
