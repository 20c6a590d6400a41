import { readStackConfig, type AwsStackName } from "../../scripts/stack-file";
import type { Context, StackResource } from "../../policy/rule";
import { RULES } from "../../policy/rules";
import { isProduction } from "../../policy/stacks";
import { awsPlatform } from "./aws-platform";
import type { Registered } from "./mocks";

/** A violation that the policy pack reports. */
export interface Finding {
  rule: string;
  resource: string;
  message: string;
}

/** A resource as the policy pack gets it from the engine. */
export const toResource = ({ inputs, ...resource }: Registered): StackResource => ({
  ...resource,
  props: withDigests(inputs),
});

/** The mocked digests are names of images. */
const withDigests = (inputs: Registered["inputs"]): Registered["inputs"] =>
  JSON.parse(
    JSON.stringify(inputs).replace(/@sha256:(api|worker|cpu)\b/g, (_, name: string) => `@${digest(name)}`),
  ) as Registered["inputs"];

const digest = (name: string) => `sha256:${Buffer.from(name).toString("hex").padEnd(64, "0")}`;

/** The default provider, which the mocked engine does not register. */
const provider = (stack: AwsStackName): StackResource => {
  const type = "pulumi:providers:aws";
  const defaultTags = JSON.stringify(readStackConfig(stack)["aws:defaultTags"]);
  return {
    urn: `provider::${type}`,
    type,
    name: "default",
    props: { defaultTags },
    protect: false,
    propertyDependencies: {},
  };
};

/** The settings that `prod` requires of each user. */
export const CERTIFICATE = { loadBalancer: { certificateArn: "arn:aws:acm:eu-west-1:1:certificate/1" } };

/** The resources of an AWS stack, as the policy pack gets them. */
export async function recorded(
  stack: AwsStackName,
  aws: Parameters<typeof awsPlatform>[1] = {},
): Promise<StackResource[]> {
  const settings = stack === "prod" ? { ...CERTIFICATE, ...aws } : aws;
  return [provider(stack), ...(await awsPlatform(stack, settings)).map(toResource)];
}

/** What the policy pack reports about the resources of a stack. */
export function findings(stack: string, resources: readonly StackResource[], preview = false): Finding[] {
  const context: Context = { preview, production: isProduction(stack) };
  return RULES.flatMap((rule) =>
    "check" in rule
      ? resources.flatMap((resource) =>
          rule.check(resource, context).map((message) => ({ rule: rule.name, resource: resource.name, message })),
        )
      : rule
          .checkStack(resources, context)
          .map(({ resource, message }) => ({ rule: rule.name, resource: resource.name, message })),
  );
}
