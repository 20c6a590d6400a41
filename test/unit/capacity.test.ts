import { describe, expect, it } from "vitest";
import { AWS_STACKS, configOf } from "../../scripts/stack-file";
import { capacityProblems, hostsFor } from "../../stack/aws/capacity";
import { GPU_TYPES } from "../../stack/aws/gpu-types";
import { awsSettings } from "../../stack/settings/aws";

const check = (aws: object) => capacityProblems(awsSettings.parse(aws));

it.each(AWS_STACKS)("the settings of %s hold what they ask for", (stack) => {
  expect(check(configOf(stack).aws as object)).toEqual([]);
});

describe("bad capacity", () => {
  const LARGE = { worker: { cpu: 3072, memory: 15_360 } };
  it.each([
    ["a type that is misspelt", { gpu: { types: ["g5.xlagre"] } }, "gpu.types.0", /did you mean g5\.xlarge\?/],
    ["a type without a GPU", { gpu: { types: ["m5.large"] } }, "gpu.types.0", /no type with an NVIDIA GPU/],
    ["a type for arm64", { gpu: { types: ["g5g.xlarge"] } }, "gpu.types.0", /arm64/],
    ["a type twice", { gpu: { types: ["g5.xlarge", "g5.xlarge"] } }, "gpu.types.1", /in the list already/],
    [
      "more on-demand than hosts",
      { gpu: { maxHosts: 2, spot: true, onDemandBase: 3 } },
      "gpu.onDemandBase",
      /more than gpu\.maxHosts/,
    ],
    ["an on-demand base without spot", { gpu: { onDemandBase: 1 } }, "gpu.onDemandBase", /all hosts are on-demand/],
    ["a task as large as the nominal host", LARGE, "gpu.types", /15360 MiB and a host has 15308 .*take g4dn\.2xlarge/],
    ["a task with too many CPU units", { worker: { cpu: 5120 } }, "gpu.types", /5120 CPU units and a host has 4096/],
    [
      "a GPU of an API with too little memory",
      {
        gpu: { types: ["g4dn.xlarge"], maxHosts: 9 },
        api: { gpu: true, cpu: 3072, memory: 12_288, gpuMemory: 20_000 },
      },
      "gpu.types",
      /a task of api does not fit: it needs 20000 MiB of GPU memory and a GPU has 16384/,
    ],
    [
      "more tasks than a host has network interfaces for",
      { gpu: { types: ["g5.48xlarge"], maxHosts: 1 }, worker: { max: 4 } },
      "gpu.maxHosts",
      /: 8\) needs 2 hosts of g5\.48xlarge/,
    ],
    [
      "a GPU with too little memory",
      { gpu: { types: ["g4dn.xlarge"] }, worker: { gpuMemory: 20_000 } },
      "gpu.types",
      /20000 MiB of GPU memory and a GPU has 16384; take g6\.xlarge/,
    ],
    ["a task that no type holds", { worker: { gpuMemory: 60_000 } }, "gpu.types", /make the task smaller$/],
    [
      "one host for two tasks",
      { gpu: { maxHosts: 1 } },
      "gpu.maxHosts",
      /1 of worker.*: 2\) needs 2 hosts of g5\.xlarge/,
    ],
    [
      "a type with more GPUs beside one that holds a single task",
      { gpu: { types: ["g4dn.12xlarge", "g5.16xlarge"], maxHosts: 1 } },
      "gpu.maxHosts",
      /needs 2 hosts of g5\.16xlarge/,
    ],
    [
      "API and worker on GPUs",
      { gpu: { maxHosts: 11 }, api: { gpu: true, min: 2, max: 3 }, worker: { max: 3 } },
      "gpu.maxHosts",
      /3 of api and 3 of worker, .*: 12\) needs 12 hosts/,
    ],
  ] as const)("%s", (_, aws, key, says) => {
    const problems = check(aws);
    expect(problems.map((problem) => problem.key)).toEqual([key]);
    expect(problems[0].remedy).toMatch(says);
  });

  it("is listed as a whole where each part is wrong by itself", () => {
    expect(check({ gpu: { types: ["m5.large", "g9.large"], maxHosts: 1, spot: true, onDemandBase: 2 } })).toHaveLength(
      3,
    );
  });
});

it("a type with four GPUs holds four tasks, as far as CPU and memory reach", () => {
  const task = { gpus: 1, cpu: 3072, memory: 12_288 };
  expect(hostsFor(Array(8).fill(task), { gpus: 4, cpu: 49_152, memory: 180_000 })).toBe(2);
  expect(hostsFor(Array(8).fill(task), { gpus: 4, cpu: 49_152, memory: 25_000 })).toBe(4);
  expect(hostsFor(Array(8).fill(task), { gpus: 4, cpu: 3072, memory: 180_000 })).toBe(8);
  expect(hostsFor([], { gpus: 1, cpu: 1, memory: 1 })).toBe(0);
});

it("small and large tasks share hosts", () => {
  const host = { gpus: 2, cpu: 8192, memory: 32_768 };
  const sizes = [1, 2, 1, 2].map((gpus) => ({ gpus, cpu: 1024 * gpus, memory: 4096 * gpus }));
  expect(hostsFor(sizes, host)).toBe(3);
});

it("the table's types cost more the more they have", () => {
  for (const family of ["g4dn", "g5", "g6", "g6e"]) {
    const own = Object.entries(GPU_TYPES)
      .filter(([name]) => name.startsWith(`${family}.`))
      .map(([, type]) => type);
    expect(own.length).toBeGreaterThan(4);
    for (const [a, b] of own.slice(1).map((type, place) => [own[place], type])) {
      if (a.gpus === b.gpus) expect(b.price).toBeGreaterThan(a.price);
    }
  }
});
