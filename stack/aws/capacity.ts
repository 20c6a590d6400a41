import { closest } from "fastest-levenshtein";
import type { AwsSettings } from "../settings/aws";
import type { Problem } from "../settings/parse";
import { GPU_TYPES, isGpuType, type GpuType, type GpuTypeName } from "./gpu-types";
import { maximumPercent, roles, type Role } from "./role-table";

/** What a host or a task has of each resource that ECS places by. */
interface Size {
  gpus: number;
  /** CPU units, 1024 for one vCPU. */
  cpu: number;
  /** MiB */
  memory: number;
}

const NAMES = Object.keys(GPU_TYPES) as GpuTypeName[];

const DIMENSIONS = ["gpus", "cpu", "memory"] as const;

/**
 * What a host of a type registers with ECS. The kernel and the agent take their part of the memory: the nominal 16 GiB are about 15.3 for
 * tasks, so a twentieth and 256 MiB are kept back here.
 */
function hostSize({ gpus, interfaces = Infinity, vcpus, memory }: GpuType): Size {
  // A task has a network interface of its own, and the host has one.
  return { gpus: Math.min(gpus, interfaces - 1), cpu: vcpus * 1024, memory: Math.floor(memory * 0.95) - 256 };
}

const taskSize = ({ cpu, memory }: Role): Size => ({ gpus: 1, cpu, memory });

/** What is wrong with the GPU hosts for what has to run on them; keys without `aws.` */
export function capacityProblems(aws: AwsSettings): Problem[] {
  const { types, maxHosts, onDemandBase } = aws.gpu;
  const problems = types.flatMap((name, place) => typeProblems(name, place, types));
  if (onDemandBase > maxHosts) {
    problems.push({
      key: "gpu.onDemandBase",
      value: String(onDemandBase),
      remedy: `it is more than gpu.maxHosts, which is ${maxHosts}`,
    });
  }
  if (onDemandBase && !aws.gpu.spot) {
    problems.push({
      key: "gpu.onDemandBase",
      value: String(onDemandBase),
      remedy: "without gpu.spot all hosts are on-demand: set that, or remove this",
    });
  }
  const known = types.filter(isGpuType);
  if (problems.length || !known.length) return problems;
  const onGpu = roles(aws).filter(({ onGpu }) => onGpu);
  const unfit = onGpu.flatMap((role) => fitProblems(role, known));
  return unfit.length ? unfit : roomProblems(onGpu, known, maxHosts);
}

function typeProblems(name: string, place: number, types: readonly string[]): Problem[] {
  const problem = (remedy: string): Problem[] => [{ key: `gpu.types.${place}`, value: name, remedy }];
  if (types.indexOf(name) !== place) return problem("it is in the list already");
  if (isGpuType(name)) return [];
  if (/^(g5g|[a-z]+\d+g[a-z]*)\./.test(name)) return problem("its CPU is arm64: the images are for x86_64");
  const families = [...new Set(NAMES.map((type) => type.split(".")[0]))];
  const nearest = closest(name, NAMES);
  const family = name.split(".")[0];
  if (families.includes(family)) return problem(`there is no such type: did you mean ${nearest}?`);
  return problem(
    `it is no type with an NVIDIA GPU that this stack knows: take one of ${families.join(", ")}, as ${nearest}`,
  );
}

/** A task has to fit each of the types: any of them may be the next host. */
function fitProblems(role: Role, types: readonly GpuTypeName[]): Problem[] {
  for (const name of types) {
    const lacking = lacks(role, GPU_TYPES[name]);
    if (!lacking.length) continue;
    const better = NAMES.filter((type) => !lacks(role, GPU_TYPES[type]).length).sort(
      (a, b) => GPU_TYPES[a].price - GPU_TYPES[b].price,
    )[0];
    const remedy = better ? `take ${better} or a larger type, or make the task smaller` : "make the task smaller";
    return [
      {
        key: "gpu.types",
        value: name,
        remedy: `a task of ${role.name} does not fit: ${lacking.join(", ")}; ${remedy}`,
      },
    ];
  }
  return [];
}

function lacks(role: Role, type: GpuType): string[] {
  const host = hostSize(type);
  const task = taskSize(role);
  const short = DIMENSIONS.filter((what) => task[what] > host[what]).map(
    (what) => `it needs ${task[what]} ${UNITS[what]} and a host has ${host[what]} for tasks`,
  );
  if (role.gpuMemory > type.gpuMemory)
    short.push(`it needs ${role.gpuMemory} MiB of GPU memory and a GPU has ${type.gpuMemory}`);
  return short;
}

const UNITS = { gpus: "GPUs", cpu: "CPU units", memory: "MiB" } as const;

/** While all services are deployed at full scale, old and new tasks run side by side: all of them have to find a place. */
function roomProblems(onGpu: readonly Role[], types: readonly GpuTypeName[], maxHosts: number): Problem[] {
  const tasks = onGpu.flatMap((role) => {
    const count = Math.floor((role.maxTasks * maximumPercent(role)) / 100);
    return Array.from({ length: count }, () => taskSize(role));
  });
  const needs = types.map((type) => ({ type, needed: hostsFor(tasks, hostSize(GPU_TYPES[type])) }));
  const { type, needed } = needs.reduce((most, next) => (next.needed > most.needed ? next : most));
  if (needed <= maxHosts) return [];
  const counts = onGpu.map(({ name, maxTasks }) => `${maxTasks} of ${name}`).join(" and ");
  return [
    {
      key: "gpu.maxHosts",
      value: String(maxHosts),
      remedy: `a deployment at full scale (${counts}, old and new tasks side by side: ${tasks.length}) needs ${needed} hosts of ${type}: raise gpu.maxHosts, lower the most tasks, or take a type with more GPUs`,
    },
  ];
}

/** Hosts that tasks need, each placed on the first host that has room, the largest first. */
export function hostsFor(tasks: readonly Size[], host: Size): number {
  const hosts: Size[] = [];
  const largest = [...tasks].sort((a, b) => b.gpus - a.gpus || b.memory - a.memory || b.cpu - a.cpu);
  for (const task of largest) {
    let place = hosts.find((free) => DIMENSIONS.every((what) => free[what] >= task[what]));
    if (!place) hosts.push((place = { ...host }));
    for (const what of DIMENSIONS) place[what] -= task[what];
  }
  return hosts.length;
}
