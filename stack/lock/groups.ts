/**
 * The files of the dependency lock of an app, and the packages in each of them.
 *
 * A lock is a folder, `images/locks/NAME/`. It contains a requirements file for each image layer, in this order:
 *
 * | file        | packages                                                               | images     |
 * | ----------- | ---------------------------------------------------------------------- | ---------- |
 * | `cuda.txt`  | CUDA libraries                                                         | GPU images |
 * | `torch.txt` | torch, torchvision, and torchaudio                                     | all images |
 * | `heavy.txt` | the other large packages, and dependencies that only they or torch need | all images |
 * | `light.txt` | all other packages                                                     | all images |
 * | `web.txt`   | the web server, and dependencies that only it needs                    | API images |
 *
 * A package that both heavy and light packages need is in `light.txt`, so that a new version does not rebuild the heavy layer.
 *
 * A file `GROUP.cpu.txt` replaces `GROUP.txt` in the CPU image: `torch.cpu.txt` lists the builds of the PyTorch CPU index, and the others exist
 * only if the CPU builds require more packages.
 *
 * `GROUP.source.txt` lists the packages of a group that have no wheel, and `GROUP.git.txt` those from a git repository, each at a commit and
 * without a hash. Both exist only if there are such packages. An image build compiles them.
 *
 * `inputs.json` lists what the lock was created from (`inputs.ts`). No image contains it and no build reads it.
 *
 * The code in this folder resolves no versions and uses no network. `scripts/lock.ts` does.
 */

/** Each locked package is in exactly one of these groups. */
export const GROUPS = ["cuda", "torch", "heavy", "light", "web"] as const;
export type Group = (typeof GROUPS)[number];

/** Packages that put a requirement into a group. A requirement in no list is light. Normalized names. */
export const GROUP_ROOTS: Readonly<Record<"torch" | "heavy" | "web", readonly string[]>> = {
  // Their CPU builds are on the PyTorch index. On Linux, their builds on PyPI need CUDA.
  torch: ["torch", "torchaudio", "torchvision"],
  heavy: [
    "accelerate",
    "diffusers",
    "numba",
    "numpy",
    "onnxruntime",
    "onnxruntime-gpu",
    "open3d",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
    "opencv-python",
    "opencv-python-headless",
    "pandas",
    "pillow",
    "safetensors",
    "scikit-image",
    "scikit-learn",
    "scipy",
    "tensorrt",
    "transformers",
    "xformers",
  ],
  web: ["gunicorn", "hypercorn", "uvicorn"],
};

/** CUDA libraries and the CUDA compiler, by normalized name. The CPU variant excludes them. */
export const CUDA_PACKAGES = /^(nvidia-|cuda-|triton$)/;

/**
 * Packages that no image installs although torch requires them, each with the reason. An app that lists one of them in its own
 * dependencies gets it.
 */
export const EXCLUDED_PACKAGES: Readonly<Record<string, string>> = {
  triton: "1 GB for torch.compile on a GPU, which the service does not use; torch works without it",
  "cuda-bindings": "torch works without it; only green contexts and the inspection of CUDA graphs need it",
  "cuda-pathfinder": "only cuda-bindings needs it",
};

/** File with what the lock was created from. */
export const INPUTS_FILE = "inputs.json";

/** Why an image build compiles the packages of a lock file, by the ending of its name after the group. */
export const COMPILED = { "source.txt": "no wheel for Linux", "git.txt": "from a git repository" } as const;

/** The endings of the names of all lock files. */
const SUFFIXES = ["txt", "cpu.txt", ...Object.keys(COMPILED)];

/** The names of all files that a group can have. */
export const lockFileNames = (group: Group): string[] => SUFFIXES.map((suffix) => `${group}.${suffix}`);

/** Whether a file in the folder of a lock is part of it. */
export const isLockFile = (name: string): boolean =>
  name === INPUTS_FILE || GROUPS.some((group) => lockFileNames(group).includes(name));

/**
 * The lock file of a group in an image.
 * @param files - names of the files in the lock
 */
export function groupFile(group: Group, variant: "gpu" | "cpu", files: readonly string[]): string {
  const cpuFile = `${group}.cpu.txt`;
  return variant === "cpu" && files.includes(cpuFile) ? cpuFile : `${group}.txt`;
}

/** The files of a group with packages that an image build compiles. */
export function compiledFiles(group: Group, files: readonly string[]): string[] {
  return Object.keys(COMPILED)
    .map((suffix) => `${group}.${suffix}`)
    .filter((file) => files.includes(file));
}
