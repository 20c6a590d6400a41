import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { DENIED_PATHS, MAXIMUM_VALUES_PER_RULE } from "../../config/path-patterns";

/** Action for all paths that are not public. */
export const NOT_FOUND = {
  type: "fixed-response",
  fixedResponse: { contentType: "text/plain", statusCode: "404", messageBody: "not found" },
};

/** Creates the listener rules. Rules for denied paths have priority over rules for public paths. */
export function listenerRules(
  prefix: string,
  listener: aws.lb.Listener,
  targetGroup: aws.lb.TargetGroup,
  publicPaths: readonly string[],
  opts: pulumi.CustomResourceOptions,
): aws.lb.ListenerRule[] {
  const forward = { type: "forward", targetGroupArn: targetGroup.arn };
  const rules = [
    ...chunks(DENIED_PATHS).map((values) => ({ kind: "denied", values, actions: [NOT_FOUND] })),
    ...chunks(publicPaths).map((values) => ({ kind: "public", values, actions: [forward] })),
  ];
  return rules.map(
    ({ kind, values, actions }, index) =>
      new aws.lb.ListenerRule(
        `${prefix}-${kind}-${index}`,
        { listenerArn: listener.arn, priority: index + 1, conditions: [{ pathPattern: { values } }], actions },
        opts,
      ),
  );
}

/** Splits paths into lists of the length that one rule supports. */
function chunks(paths: readonly string[]): string[][] {
  return Array.from({ length: Math.ceil(paths.length / MAXIMUM_VALUES_PER_RULE) }, (_, index) =>
    paths.slice(index * MAXIMUM_VALUES_PER_RULE, (index + 1) * MAXIMUM_VALUES_PER_RULE),
  );
}
