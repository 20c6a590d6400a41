/** The policy pack. Violations are warnings on the development stacks, and errors on all others: policy/stacks.ts. */
import { PolicyPack, UnknownValueError, type Policies, type PolicyResource } from "@pulumi/policy";
import * as pulumi from "@pulumi/pulumi";
import type { Context, Resource, Rule, StackResource } from "./rule";
import { RULES } from "./rules";
import { isProduction } from "./stacks";
import { UNKNOWN } from "./values";

const production = isProduction(pulumi.getStack());
const context: Context = { preview: pulumi.runtime.isDryRun(), production };

/** Copies a value. The SDK throws an error if a property that is not known yet is read, and the copy has {@link UNKNOWN} instead. */
function known(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    try {
      copy[key] = known((value as Record<string, unknown>)[key]);
    } catch (error) {
      if (!(error instanceof UnknownValueError)) throw error;
      copy[key] = UNKNOWN;
    }
  }
  return Array.isArray(value) ? Object.values(copy) : copy;
}

type EngineResource = Pick<PolicyResource, "urn" | "type" | "name" | "props" | "opts">;

/** A resource of the engine. Its inputs are copied when they are read. */
class PackResource implements Resource {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  readonly protect: boolean;
  private copy?: Resource["props"];

  constructor(private readonly resource: EngineResource) {
    ({ urn: this.urn, type: this.type, name: this.name } = resource);
    this.protect = resource.opts.protect;
  }

  get props(): Resource["props"] {
    return (this.copy ??= known(this.resource.props) as Resource["props"]);
  }
}

class PackStackResource extends PackResource implements StackResource {
  readonly propertyDependencies: StackResource["propertyDependencies"];

  constructor(resource: PolicyResource) {
    super(resource);
    const byProperty = Object.entries(resource.propertyDependencies);
    this.propertyDependencies = Object.fromEntries(byProperty.map(([key, all]) => [key, all.map(({ urn }) => urn)]));
  }
}

function toPolicy(rule: Rule): Policies[number] {
  const { name, description, advisory = !production } = rule;
  const policy = { name, description, enforcementLevel: advisory ? "advisory" : "mandatory" } as const;
  if ("check" in rule) {
    return {
      ...policy,
      validateResource: (args, report) => {
        for (const message of rule.check(new PackResource(args), context)) report(message);
      },
    };
  }
  return {
    ...policy,
    validateStack: (args, report) => {
      const resources = args.resources.map((one) => new PackStackResource(one));
      for (const { resource, message } of rule.checkStack(resources, context)) report(message, resource.urn);
    },
  };
}

new PolicyPack("spatialforge", { policies: RULES.map(toPolicy) });
