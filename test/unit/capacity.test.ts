import { describe, expect, it } from "vitest";
import { AWS_STACKS, readStackConfig } from "../../scripts/stack-file";
import { INSTANCE_TYPES, type InstanceType, type InstanceTypeName } from "../../stack/aws/compute/instance-types";
import { awsSettingsSchema } from "../../stack/config/aws-schema";
import { capacityProblems, hourlyPrice, instancesFor } from "../../stack/config/capacity";

const check = (aws: object) => capacityProblems(awsSettingsSchema.parse(aws));

const TYPES: Readonly<Record<string, InstanceType>> = INSTANCE_TYPES;
const priceOf = (name: string) => hourlyPrice(name as InstanceTypeName);
const family = (name: string) => name.split(".")[0];
const FAMILIES = [...new Set(Object.keys(TYPES).map(family))];

/** The cheapest instance type that meets a condition. */
const cheapest = (condition: (type: InstanceType) => boolean): string =>
  Object.keys(TYPES)
    .filter((name) => condition(TYPES[name]))
    .sort((a, b) => priceOf(a) - priceOf(b))[0];

it.each(AWS_STACKS)("the settings of %s have enough capacity", (stack) => {
  expect(check(readStackConfig(stack).aws as object)).toEqual([]);
});

describe("capacityProblems", () => {
  it.each([
    [
      "a misspelled type",
      { gpu: { instanceTypes: ["g5.xlagre"] } },
      "gpu.instanceTypes.0",
      /did you mean g5\.xlarge\?/,
    ],
    [
      "a type without a GPU",
      { gpu: { instanceTypes: ["m5.large"] } },
      "gpu.instanceTypes.0",
      new RegExp(`unknown GPU instance type: use a type of the families ${FAMILIES.join(", ")}, for example`),
    ],
    ["a type with an arm64 CPU", { gpu: { instanceTypes: ["g5g.xlarge"] } }, "gpu.instanceTypes.0", /arm64/],
    [
      "a type that is listed twice",
      { gpu: { instanceTypes: ["g5.xlarge", "g5.xlarge"] } },
      "gpu.instanceTypes.1",
      /listed twice/,
    ],
    [
      "an on-demand base above the maximum",
      { gpu: { maxInstances: 2, spot: true, onDemandBaseCapacity: 3 } },
      "gpu.onDemandBaseCapacity",
      /greater than aws\.gpu\.maxInstances, which is 2/,
    ],
    [
      "an on-demand base without spot",
      { gpu: { onDemandBaseCapacity: 1 } },
      "gpu.onDemandBaseCapacity",
      /all instances are on-demand/,
    ],
    [
      "a task that needs the whole nominal memory",
      { worker: { cpu: 3072, memory: 15_360 } },
      "gpu.instanceTypes",
      new RegExp(
        `15360 MiB and an instance has 15308 for tasks; use ${cheapest(({ memory }) => memory > 16_384)} or a larger type`,
      ),
    ],
    [
      "a task with too many CPU units",
      { worker: { cpu: 5120 } },
      "gpu.instanceTypes",
      /5120 CPU units and an instance has 4096/,
    ],
    [
      "an API task with too little GPU memory",
      {
        gpu: { instanceTypes: ["g4dn.xlarge"], maxInstances: 9 },
        api: { gpu: true, cpu: 3072, memory: 12_288, gpuMemory: 20_000 },
      },
      "gpu.instanceTypes",
      /a task of api does not fit: it requires 20000 MiB of GPU memory and a GPU has 16384/,
    ],
    [
      "more tasks than an instance has network interfaces for",
      { gpu: { instanceTypes: ["g5.48xlarge"], maxInstances: 1 }, worker: { maxTasks: 4 } },
      "gpu.maxInstances",
      / 8 old and new tasks .* requires 2 instances of g5\.48xlarge/,
    ],
    [
      "a worker task with too little GPU memory",
      { gpu: { instanceTypes: ["g4dn.xlarge"] }, worker: { gpuMemory: 20_000 } },
      "gpu.instanceTypes",
      new RegExp(
        `20000 MiB of GPU memory and a GPU has 16384; use ${cheapest(({ gpuMemory }) => gpuMemory >= 20_000)} or`,
      ),
    ],
    [
      "a task that fits no type",
      { worker: { gpuMemory: 200_000 } },
      "gpu.instanceTypes",
      /has 24576; reduce the task size$/,
    ],
    [
      "one instance for the old and the new task",
      { gpu: { maxInstances: 1 } },
      "gpu.maxInstances",
      /\(1 of worker\) runs 2 old and new tasks .* requires 2 instances of g5\.xlarge: raise aws\.gpu\.maxInstances, lower aws\.worker\.maxTasks, or/,
    ],
    [
      "a type with one GPU beside a type with several",
      { gpu: { instanceTypes: ["g4dn.12xlarge", "g5.16xlarge"], maxInstances: 1 } },
      "gpu.maxInstances",
      /requires 2 instances of g5\.16xlarge/,
    ],
    [
      "a task that verifies the GPU image of the API and does not fit",
      { api: { memory: 16_384 } },
      "gpu.instanceTypes",
      new RegExp(
        `the task that verifies the GPU image of api does not fit: it requires 16384 MiB and an instance has 15308 for tasks; use ${cheapest(({ memory }) => memory > 16_384)} or a larger type, or reduce the task size, or set aws\\.verifyImages to false$`,
      ),
    ],
    [
      "no room for the task that verifies the GPU image of the API",
      {
        gpu: { instanceTypes: ["g5.12xlarge"], maxInstances: 1 },
        api: { cpu: 16_384, memory: 131_072 },
        worker: { cpu: 1024, memory: 61_440 },
      },
      "gpu.maxInstances",
      /the task that verifies the image of api runs beside the maximum number of tasks, which requires 2 instances of g5\.12xlarge: raise aws\.gpu\.maxInstances, or set aws\.verifyImages to false$/,
    ],
    [
      "API and worker on GPU instances",
      { gpu: { maxInstances: 11 }, api: { gpu: true, minTasks: 2, maxTasks: 3 }, worker: { maxTasks: 3 } },
      "gpu.maxInstances",
      /\(3 of api and 3 of worker\) runs 12 old and new tasks .* requires 12 instances .*lower aws\.api\.maxTasks or aws\.worker\.maxTasks/,
    ],
  ] as const)("%s", (_, aws, key, message) => {
    const problems = check(aws);
    expect(problems.map((problem) => problem.key)).toEqual([key]);
    expect(problems[0].remedy).toMatch(message);
  });

  it("needs no room for verifications if no image is verified", () => {
    expect(check({ api: { memory: 16_384 }, verifyImages: false })).toEqual([]);
  });

  it("lists independent problems together", () => {
    const gpu = { instanceTypes: ["m5.large", "c7i.large"], maxInstances: 1, spot: true, onDemandBaseCapacity: 2 };
    expect(check({ gpu })).toHaveLength(3);
  });
});

describe("instancesFor", () => {
  it("places as many tasks on an instance as GPUs, CPU, and memory allow", () => {
    const task = { gpus: 1, cpu: 3072, memory: 12_288 };
    expect(instancesFor(Array(8).fill(task), { gpus: 4, cpu: 49_152, memory: 180_000 })).toBe(2);
    expect(instancesFor(Array(8).fill(task), { gpus: 4, cpu: 49_152, memory: 25_000 })).toBe(4);
    expect(instancesFor(Array(8).fill(task), { gpus: 4, cpu: 3072, memory: 180_000 })).toBe(8);
    expect(instancesFor([], { gpus: 1, cpu: 1, memory: 1 })).toBe(0);
  });

  it("places small and large tasks on the same instances", () => {
    const instance = { gpus: 2, cpu: 8192, memory: 32_768 };
    const sizes = [1, 2, 1, 2].map((gpus) => ({ gpus, cpu: 1024 * gpus, memory: 4096 * gpus }));
    expect(instancesFor(sizes, instance)).toBe(3);
  });
});

it.each(FAMILIES)(
  "in the family %s an instance type with the same number of GPUs and more memory costs more",
  (name) => {
    const types = Object.entries(TYPES).flatMap(([type, values]) =>
      family(type) === name ? [{ ...values, price: priceOf(type) }] : [],
    );
    for (const a of types) {
      for (const b of types) if (a.gpus === b.gpus && a.memory < b.memory) expect(a.price).toBeLessThan(b.price);
    }
  },
);

it.each(["g4dn", "g5", "g6", "g6e"])("the table has several sizes of the family %s", (name) => {
  expect(Object.keys(TYPES).filter((type) => family(type) === name).length).toBeGreaterThan(4);
});
