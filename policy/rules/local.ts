import type { Resource, ResourceRule, Rule } from "../rule";
import { at, isOneOf, isTrue, list, shown, UNKNOWN } from "../values";
import { imageProblem } from "./containers";

const CONTAINER = "docker:index/container:Container";

/** A rule for the containers on this machine. It only warns. */
const localRule = (
  name: string,
  description: string,
  check: (props: Resource["props"], context: Parameters<ResourceRule["check"]>[1]) => string[],
): Rule => ({
  name: `local-${name}`,
  description,
  advisory: true,
  check: (resource, context) => (resource.type === CONTAINER ? check(resource.props, context) : []),
});

export const LOCAL: readonly Rule[] = [
  localRule("image-digest", "Containers on this machine run images by digest.", ({ image }, context) =>
    [imageProblem(image, context)].filter((problem) => problem !== undefined),
  ),
  localRule("read-only-root", "The root file system of containers on this machine is read-only.", ({ readOnly }) =>
    isTrue(readOnly) ? [] : ["the root file system can be written: set readOnly"],
  ),
  localRule("capabilities", "Containers on this machine have no Linux capabilities.", ({ capabilities, privileged }) =>
    (at(capabilities, "drops") === UNKNOWN ||
      list(at(capabilities, "drops")).some((one) => /^(CAP_)?ALL$/.test(shown(one)))) &&
    !list(at(capabilities, "adds")).length &&
    privileged !== true
      ? []
      : ["it keeps capabilities: set capabilities.drops to [ALL], and remove adds and privileged"],
  ),
  localRule("ports", "Ports on this machine are published on the loopback address only.", ({ ports }) =>
    list(ports)
      .filter((port) => !isOneOf(at(port, "ip"), "127.0.0.1", "::1"))
      .map((port) => `the port ${shown(at(port, "external"))} is open to the network: set ip to 127.0.0.1`),
  ),
];
