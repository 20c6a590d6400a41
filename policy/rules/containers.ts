import { PREVIEW_DIGEST } from "../../stack/images/catalog";
import type { Context, Resource, ResourceRule, Rule } from "../rule";
import { at, isOneOf, isSet, list, parsed, shown, UNKNOWN } from "../values";

const TASK_DEFINITION = "aws:ecs/taskDefinition:TaskDefinition";

/** Task definitions whose tasks run to completion, by resource name. ECS reads their exit code, and they need no health check. */
export const RUN_TO_COMPLETION: Readonly<Record<string, string>> = {
  "model-download-task-definition": "downloads models, and exits",
  "verification-api-task-definition": "runs the checks of an image, and exits",
};

const DIGEST = /@(sha256:[0-9a-f]{64})$/;

type Check = (container: unknown, context: Context, resource: Resource) => string | undefined;

/** Applies a check to each container of a task definition. */
const eachContainer =
  (check: Check): ResourceRule["check"] =>
  (resource, context) =>
    resource.type === TASK_DEFINITION
      ? list(parsed(resource.props.containerDefinitions)).flatMap((container) => {
          const message = check(container, context, resource);
          return message ? [`container ${shown(at(container, "name"))}: ${message}`] : [];
        })
      : [];

/** What is wrong with the reference to an image. */
export function imageProblem(image: unknown, { preview }: Context): string | undefined {
  if (image === UNKNOWN) return undefined;
  const digest = DIGEST.exec(String(image))?.[1];
  if (!digest) return `the image ${shown(image)} has no digest: use REPOSITORY@sha256:DIGEST`;
  if (digest === PREVIEW_DIGEST && !preview)
    return "the image has the placeholder of a preview, which cannot be deployed";
  return undefined;
}

const capabilities: Check = (container) => {
  if (at(container, "privileged") === true) return "it is privileged: remove privileged";
  const added = list(at(container, "linuxParameters.capabilities.add"));
  if (added.length) return `it has the capabilities ${added.map(shown).join(", ")}: remove capabilities.add`;
  const dropped = list(at(container, "linuxParameters.capabilities.drop"));
  return dropped.includes("ALL") ? undefined : "it keeps capabilities: set linuxParameters.capabilities.drop to [ALL]";
};

export const CONTAINERS: readonly Rule[] = [
  {
    name: "container-image-digest",
    description: "ECS containers run images by digest.",
    check: eachContainer((container, context) => imageProblem(at(container, "image"), context)),
  },
  {
    name: "container-read-only-root",
    description: "The root file system of ECS containers is read-only.",
    check: eachContainer((container) =>
      isOneOf(at(container, "readonlyRootFilesystem"), true)
        ? undefined
        : "the root file system can be written: set readonlyRootFilesystem",
    ),
  },
  {
    name: "container-capabilities",
    description: "ECS containers have no Linux capabilities.",
    check: eachContainer(capabilities),
  },
  {
    name: "container-health-check",
    description: "ECS containers have a health check, except those that run to completion.",
    check: eachContainer((container, _, { name }) =>
      isSet(at(container, "healthCheck.command")) || name in RUN_TO_COMPLETION
        ? undefined
        : "it has no health check: set healthCheck",
    ),
  },
];
