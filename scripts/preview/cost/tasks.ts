import { input, numberInput, textInput, UnknownInput, type CostResource, type StackResources } from "./resource";

export const SERVICE = "aws:ecs/service:Service";
const TASK_DEFINITION = "aws:ecs/taskDefinition:TaskDefinition";
const SCALABLE_TARGET = "aws:appautoscaling/target:Target";

/** A quantity with the minimum and with the maximum number of tasks. */
export interface Quantity {
  atRest: number;
  atFullScale: number;
}

/** The size of a task, and where it runs. */
export interface TaskSize {
  fargate: boolean;
  /** CPU units, 1024 for one vCPU. */
  cpu: number;
  /** MiB */
  memory: number;
}

/**
 * The size of the tasks of an ECS service. Its task definition is the one with the same parent: in a preview, the ARN of a task definition that changes
 * is not known.
 * @throws UnknownInput if an input is not known
 */
export function taskSize(service: CostResource, stack: StackResources): TaskSize {
  const definition = stack.sibling(service, TASK_DEFINITION);
  const compatibility = input(definition, "requiresCompatibilities.0");
  if (compatibility !== "FARGATE" && compatibility !== "EC2")
    throw new UnknownInput("`requiresCompatibilities` of its task definition");
  return {
    fargate: compatibility === "FARGATE",
    cpu: numberInput(definition, "cpu"),
    memory: numberInput(definition, "memory"),
  };
}

/**
 * The number of tasks of a service. If Application Auto Scaling scales it, its limits are the minimum and the maximum.
 * @throws UnknownInput if an input is not known
 */
export function taskCount(service: CostResource, stack: StackResources): Quantity {
  const name = (input(service, "name") as string | undefined) ?? service.name;
  // resourceId is `service/CLUSTER/SERVICE`.
  const target = stack.ofType(SCALABLE_TARGET).find((one) => textInput(one, "resourceId").endsWith(`/${name}`));
  if (!target) {
    const count = numberInput(service, "desiredCount");
    return { atRest: count, atFullScale: count };
  }
  return { atRest: numberInput(target, "minCapacity"), atFullScale: numberInput(target, "maxCapacity") };
}
