import { closest } from "fastest-levenshtein";
import {
  INSTANCE_TYPES,
  isInstanceType,
  type InstanceType,
  type InstanceTypeName,
} from "../aws/compute/instance-types";
import prices from "../aws/prices.json";
import type { AwsSettings } from "./aws-schema";
import type { Problem } from "./problem";
import { maximumTasks, serviceSpecs, type ServiceSpec } from "./services";
import { verificationSpecs, type VerificationSpec } from "./verifications";

/** Resources that ECS considers when it places a task: those of an instance, or those that a task requires. */
interface Size {
  gpus: number;
  /** CPU units, 1024 for one vCPU. */
  cpu: number;
  /** MiB */
  memory: number;
}

const NAMES = Object.keys(INSTANCE_TYPES) as InstanceTypeName[];
const RESOURCES = ["gpus", "cpu", "memory"] as const;
const UNITS = { gpus: "GPUs", cpu: "CPU units", memory: "MiB" } as const;

/** Problems of the settings `aws.gpu` with the tasks that must run on GPU instances. The keys have no prefix `aws.`. */
export function capacityProblems(aws: AwsSettings): Problem[] {
  const { instanceTypes, maxInstances, onDemandBaseCapacity, spot } = aws.gpu;
  const problems = instanceTypes.flatMap((name, index) => instanceTypeProblems(name, index, instanceTypes));
  const baseProblem = (remedy: string): Problem => ({
    key: "gpu.onDemandBaseCapacity",
    value: String(onDemandBaseCapacity),
    remedy,
  });
  if (onDemandBaseCapacity > maxInstances) {
    problems.push(
      baseProblem(
        `it is greater than aws.gpu.maxInstances, which is ${maxInstances}: lower it, or raise aws.gpu.maxInstances`,
      ),
    );
  }
  if (onDemandBaseCapacity && !spot) {
    problems.push(
      baseProblem("without aws.gpu.spot all instances are on-demand: set aws.gpu.spot, or remove this setting"),
    );
  }
  const known = instanceTypes.filter(isInstanceType);
  if (problems.length || !known.length) return problems;
  const services = serviceSpecs(aws).filter(({ gpu }) => gpu);
  const verifications = aws.verifyImages ? verificationSpecs(aws).filter(({ gpu }) => gpu) : [];
  const tooLarge = [...services, ...verifications.filter(({ hasService }) => !hasService)].flatMap((task) =>
    taskSizeProblems(task, known),
  );
  if (tooLarge.length) return tooLarge;
  const tooMany = instanceCountProblems(services, known, maxInstances);
  return tooMany.length ? tooMany : verificationProblems(services, verifications, known, maxInstances);
}

/**
 * Resources of an instance that tasks can use. The kernel and the ECS agent use part of the memory: of 16 GiB, about 15.3 GiB remain. To
 * be safe, this subtracts 5 % and 256 MiB.
 */
export function instanceSize({ gpus, networkInterfaces = Infinity, vcpus, memory }: InstanceType): Size {
  // Each task uses one network interface, and the instance itself uses one.
  return { gpus: Math.min(gpus, networkInterfaces - 1), cpu: vcpus * 1024, memory: Math.floor(memory * 0.95) - 256 };
}

const taskSize = ({ cpu, memory }: ServiceSpec): Size => ({ gpus: 1, cpu, memory });

function instanceTypeProblems(name: string, index: number, instanceTypes: readonly string[]): Problem[] {
  const problem = (remedy: string): Problem[] => [{ key: `gpu.instanceTypes.${index}`, value: name, remedy }];
  if (instanceTypes.indexOf(name) !== index) return problem("the instance type is listed twice: remove one");
  if (isInstanceType(name)) return [];
  if (/^[a-z]+\d+g[a-z]*\./.test(name)) {
    return problem("its CPU is arm64, and the images are for x86_64: use a type with an x86_64 CPU");
  }
  const families = [...new Set(NAMES.map((type) => type.split(".")[0]))];
  const nearest = closest(name, NAMES);
  if (families.includes(name.split(".")[0])) {
    return problem(`this instance type does not exist: did you mean ${nearest}?`);
  }
  return problem(
    `unknown GPU instance type: use a type of the families ${families.join(", ")}, for example ${nearest}`,
  );
}

/** On-demand price of an instance type in us-east-1. A type without a price is the most expensive. */
export const hourlyPrice = (name: InstanceTypeName): number =>
  Number((prices["us-east-1"] as Record<string, { price: string }>)[`instance:${name}`]?.price ?? Infinity);

/** A task must fit every instance type: Auto Scaling can start any of them. */
function taskSizeProblems(
  service: ServiceSpec & Partial<VerificationSpec>,
  instanceTypes: readonly InstanceTypeName[],
): Problem[] {
  const [task, alternative] =
    service.hasService === false
      ? [`the task that verifies the GPU image of ${service.name}`, ", or set aws.verifyImages to false"]
      : [`a task of ${service.name}`, ""];
  for (const name of instanceTypes) {
    const shortages = shortagesOf(service, INSTANCE_TYPES[name]);
    if (!shortages.length) continue;
    const [larger] = NAMES.filter((type) => !shortagesOf(service, INSTANCE_TYPES[type]).length).sort(
      (a, b) => hourlyPrice(a) - hourlyPrice(b),
    );
    const remedy = larger ? `use ${larger} or a larger type, or reduce the task size` : "reduce the task size";
    return [
      {
        key: "gpu.instanceTypes",
        value: name,
        remedy: `${task} does not fit: ${shortages.join(", ")}; ${remedy}${alternative}`,
      },
    ];
  }
  return [];
}

function shortagesOf(service: ServiceSpec, instanceType: InstanceType): string[] {
  const instance = instanceSize(instanceType);
  const task = taskSize(service);
  const shortages = RESOURCES.filter((resource) => task[resource] > instance[resource]).map(
    (resource) =>
      `it requires ${task[resource]} ${UNITS[resource]} and an instance has ${instance[resource]} for tasks`,
  );
  if (service.gpuMemory > instanceType.gpuMemory) {
    shortages.push(`it requires ${service.gpuMemory} MiB of GPU memory and a GPU has ${instanceType.gpuMemory}`);
  }
  return shortages;
}

/** During a deployment with the maximum number of tasks, old and new tasks run side by side, and each of them needs a GPU. */
function instanceCountProblems(
  services: readonly ServiceSpec[],
  instanceTypes: readonly InstanceTypeName[],
  maxInstances: number,
): Problem[] {
  const tasks = services.flatMap((service) => Array.from({ length: maximumTasks(service) }, () => taskSize(service)));
  const { type, count } = largestCount(tasks, instanceTypes);
  if (count <= maxInstances) return [];
  const counts = services.map(({ name, maxTasks }) => `${maxTasks} of ${name}`).join(" and ");
  const lower = services.map(({ name }) => `aws.${name}.maxTasks`).join(" or ");
  return [
    {
      key: "gpu.maxInstances",
      value: String(maxInstances),
      remedy:
        `a deployment with the maximum number of tasks (${counts}) runs ${tasks.length} old and new tasks side by side, which requires ` +
        `${count} instances of ${type}: raise aws.gpu.maxInstances, lower ${lower}, or use an instance type with more GPUs`,
    },
  ];
}

/** While an image is verified, its task runs beside the tasks of the services, and needs a GPU too. Images are verified one after the other. */
function verificationProblems(
  services: readonly ServiceSpec[],
  verifications: readonly VerificationSpec[],
  instanceTypes: readonly InstanceTypeName[],
  maxInstances: number,
): Problem[] {
  const running = services.flatMap((service) => Array.from({ length: service.maxTasks }, () => taskSize(service)));
  return verifications.flatMap((verification) => {
    const { type, count } = largestCount([...running, taskSize(verification)], instanceTypes);
    if (count <= maxInstances) return [];
    const remedy = `the task that verifies the image of ${verification.name} runs beside the maximum number of tasks, which requires ${count} instances of ${type}: raise aws.gpu.maxInstances, or set aws.verifyImages to false`;
    return [{ key: "gpu.maxInstances", value: String(maxInstances), remedy }];
  });
}

/** The instance type of which the tasks require the most instances, and their number. */
function largestCount(tasks: readonly Size[], instanceTypes: readonly InstanceTypeName[]) {
  return instanceTypes
    .map((type) => ({ type, count: instancesFor(tasks, instanceSize(INSTANCE_TYPES[type])) }))
    .reduce((largest, next) => (next.count > largest.count ? next : largest));
}

/** Number of instances that tasks require. The largest tasks are placed first, each on the first instance that has room for it. */
export function instancesFor(tasks: readonly Size[], instance: Size): number {
  const instances: Size[] = [];
  const largestFirst = [...tasks].sort((a, b) => b.gpus - a.gpus || b.memory - a.memory || b.cpu - a.cpu);
  for (const task of largestFirst) {
    let free = instances.find((one) => RESOURCES.every((resource) => one[resource] >= task[resource]));
    if (!free) instances.push((free = { ...instance }));
    for (const resource of RESOURCES) free[resource] -= task[resource];
  }
  return instances.length;
}
