import { isDeepStrictEqual } from "node:util";
import { ROLES } from "../../stack/roles";
import type { ResourceChange } from "./resource-change";

/** A role whose tasks are replaced. */
export interface Restart {
  role: string;
  /** Step of the update, from 1. */
  step: number;
  /** What changed in its container, such as `image` or `environment REDIS_URL`. */
  because: string[];
}

/** What restarts, in the order of the update. */
export interface Restarts {
  /** GPU instances are replaced before a service changes. */
  gpuInstances: boolean;
  roles: Restart[];
}

const CONTAINER = "docker:index/container:Container";
/** Resources that run a role. Their name is that of the role. */
export const SERVICE_TYPES = ["aws:ecs/service:Service", CONTAINER];
const TASK_DEFINITION = "aws:ecs/taskDefinition:TaskDefinition";
const LAUNCH_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate";

/**
 * Properties of a service for which ECS starts new tasks when they change.
 * https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html
 */
const RESTARTING = [
  "taskDefinition",
  "networkConfiguration",
  "loadBalancers",
  "serviceRegistries",
  "capacityProviderStrategies",
  "platformVersion",
  "enableEcsManagedTags",
  "propagateTags",
  "volumeConfiguration",
];

/** The roles that a preview restarts. A role that is created starts, and is not listed. */
export function restartsOf(changes: readonly ResourceChange[]): Restarts {
  const roles = ROLES.flatMap(({ name, rolloutStep }): Restart[] => {
    const service = changes.find((change) => change.name === name && SERVICE_TYPES.includes(change.type));
    if (!service || !restarts(service)) return [];
    const task = changes.find((change) => change.type === TASK_DEFINITION && change.name === `${name}-task-definition`);
    const others = service.properties.filter((property) => property !== "taskDefinition");
    const step = service.type === CONTAINER ? 1 : rolloutStep; // containers on this machine are replaced at the same time
    return [{ role: name, step, because: [...(task ? changedInTask(task) : []), ...others] }];
  });
  const gpuInstances = changes.some(
    ({ type, op }) => type === LAUNCH_TEMPLATE && (op === "update" || op === "replace"),
  );
  return { gpuInstances, roles };
}

const restarts = ({ type, op, properties }: ResourceChange): boolean =>
  op === "replace" || (op === "update" && (type === CONTAINER || properties.some((name) => RESTARTING.includes(name))));

/** What differs between two versions of a task definition: properties of its container, or of itself. */
function changedInTask({ old, new: current, properties }: ResourceChange): string[] {
  const others = properties.filter((name) => name !== "containerDefinitions");
  const [before, after] = [old, current].map((inputs) => containerIn(inputs?.containerDefinitions));
  if (!before || !after) return [UNKNOWN, ...others];
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return [
    ...names.filter((name) => differ(before[name], after[name])).flatMap((name) => describe(name, before, after)),
    ...others,
  ];
}

/** In place of the differences, if a value of the container is not known before the update. */
const UNKNOWN = "values that only the update knows";

type Container = Record<string, unknown>;
type NamedValues = { name: string }[];

function containerIn(definitions: unknown): Container | undefined {
  try {
    return (JSON.parse(String(definitions)) as Container[])[0];
  } catch {
    return undefined; // not known yet
  }
}

/** Compares values without the order of keys: a refresh stores a container with the order that AWS returns. */
const differ = (a: unknown, b: unknown): boolean => !isDeepStrictEqual(a, b);

/** A property of a container. Of the environment and the secrets, the names of the variables that differ: values can be secret. */
function describe(name: string, before: Container, after: Container): string[] {
  if (name !== "environment" && name !== "secrets") return [name];
  const [old, current] = [before, after].map((container) => (container[name] ?? []) as NamedValues);
  const variables = new Set([...old, ...current].map((variable) => variable.name));
  const find = (values: NamedValues, variable: string) => values.find((value) => value.name === variable);
  return [...variables]
    .filter((variable) => differ(find(old, variable), find(current, variable)))
    .map((variable) => `${name} ${variable}`);
}
