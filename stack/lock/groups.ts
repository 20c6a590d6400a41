/**
 * The dependency locks of an app: which files they have, and which package goes into which.
 *
 * A lock is a folder, `images/locks/NAME/`, of requirement files with hashes. Each is one image layer, in this order:
 *
 * | file            | holds                                                                   | in        |
 * | --------------- | ----------------------------------------------------------------------- | --------- |
 * | `heavy.txt`     | large, rarely changing packages, and what only they need                | GPU images |
 * | `torch.cpu.txt` | torch and its siblings, which the PyTorch CPU index serves              | CPU image |
 * | `heavy.cpu.txt` | the rest of `heavy.txt` that is left without CUDA                       | CPU image |
 * | `light.txt`     | everything else; what heavy and light packages share is here, so that its change leaves the heavy layer alone | all |
 * | `web.txt`       | the web server, and what only it needs                                  | the API's |
 *
 * The two CPU files exist only if the closure has torch; see {@link heavyFiles}.
 *
 * Nothing in this folder resolves anything or reaches a network: that is `scripts/lock.ts`.
 */

/** Groups that partition the closure. */
export const GROUPS = ["heavy", "light", "web"] as const;
export type Group = (typeof GROUPS)[number];

/** Packages that start a group; a requirement that is in neither list is light. Normalised names. */
export const GROUP_ROOTS: Readonly<Record<Exclude<Group, "light">, readonly string[]>> = {
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
    "torch",
    "torchaudio",
    "torchvision",
    "transformers",
    "xformers",
  ],
  web: ["gunicorn", "hypercorn", "uvicorn"],
};

/** Packages whose CPU builds come from PyTorch's own index: PyPI's need CUDA on Linux. */
export const PYTORCH_PACKAGES: readonly string[] = ["torch", "torchaudio", "torchvision"];

/** CUDA libraries and the compiler for it, by normalised name: cut out of the closure of the CPU variant. */
export const CUDA_PACKAGES = /^(nvidia-|cuda-|triton$)/;

/**
 * Packages that are required but never installed, and why. Only `torch` asks for them; an app that names one of them
 * itself gets it.
 */
export const LEFT_OUT: Readonly<Record<string, string>> = {
  triton: "a gigabyte for torch.compile on a GPU, and serving compiles nothing; torch does without it",
  "cuda-bindings": "torch does without it; green contexts and the inspection of CUDA graphs need it",
  "cuda-pathfinder": "only cuda-bindings needs it",
};

/** Every file that a lock can have, in the order of installation. */
export const LOCK_FILES: readonly string[] = ["heavy.txt", "torch.cpu.txt", "heavy.cpu.txt", "light.txt", "web.txt"];

/** The group that a requirement of this (normalised) name starts. */
export function groupOf(name: string): Group {
  return GROUPS.find((group) => group !== "light" && GROUP_ROOTS[group].includes(name)) ?? "light";
}

/**
 * Files of the heavy layer, in the order of installation. A lock without torch has no CPU files: its one `heavy.txt`
 * serves both variants. `torch.cpu.txt` is installed from the PyTorch CPU index, and may have no hashes: see `npm run
 * lock -- --help`. All other files are installed with `--no-deps --require-hashes`.
 *
 * @param files - names of the files that the lock has
 */
export function heavyFiles(variant: "gpu" | "cpu", files: Iterable<string>): string[] {
  const present = new Set(files);
  return variant === "cpu" && present.has("torch.cpu.txt") ? ["torch.cpu.txt", "heavy.cpu.txt"] : ["heavy.txt"];
}
