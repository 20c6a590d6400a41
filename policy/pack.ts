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

const toResource = ({ urn, type, name, props, opts }: EngineResource): Resource => ({
  urn,
  type,
  name,
  props: known(props) as Resource["props"],
  protect: opts.protect,
});

const toStackResource = (resource: PolicyResource): StackResource => ({
  ...toResource(resource),
  propertyDependencies: Object.fromEntries(
    Object.entries(resource.propertyDependencies).map(([key, all]) => [key, all.map(({ urn }) => urn)]),
  ),
});

function toPolicy(rule: Rule): Policies[number] {
  const { name, description } = rule;
  const base = {
    name,
    description,
    enforcementLevel: production && !rule.advisory ? "mandatory" : "advisory",
  } as const;
  if ("check" in rule) {
    return {
      ...base,
      validateResource: (args, report) => rule.check(toResource(args), context).forEach((message) => report(message)),
    };
  }
  return {
    ...base,
    validateStack: ({ resources }, report) => {
      for (const { resource, message } of rule.checkStack(resources.map(toStackResource), context)) {
        report(message, resource.urn);
      }
    },
  };
}

new PolicyPack("spatialforge", { policies: RULES.map(toPolicy) });
