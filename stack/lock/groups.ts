/**
 * The files of the dependency lock of an app, and the packages in each of them.
 *
 * A lock is a folder, `images/locks/NAME/`, of requirements files with hashes. Each file is one image layer, in this order:
 *
 * | file            | packages                                                                   | images     |
 * | --------------- | -------------------------------------------------------------------------- | ---------- |
 * | `heavy.txt`     | large packages that rarely change, and dependencies that only they require | GPU images |
 * | `torch.cpu.txt` | torch, torchvision, and torchaudio from the PyTorch CPU index              | CPU image  |
 * | `heavy.cpu.txt` | the other packages of `heavy.txt`, without CUDA                            | CPU image  |
 * | `light.txt`     | all other packages                                                         | all images |
 * | `web.txt`       | the web server, and dependencies that only it requires                     | API image  |
 *
 * A package that both heavy and light packages need is in `light.txt`, so that a new version does not rebuild the heavy layer. The two CPU
 * files exist only if the app depends on torch; see {@link heavyFiles}.
 *
 * The code in this folder resolves no versions and uses no network. `scripts/lock.ts` does.
 */

/** Each locked package is in exactly one of these groups. */
export const GROUPS = ["heavy", "light", "web"] as const;
export type Group = (typeof GROUPS)[number];

/** Packages that put a requirement into a group. A requirement in neither list is light. Normalized names. */
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

/** Packages whose CPU builds are on the PyTorch index. On Linux, their builds on PyPI need CUDA. */
export const PYTORCH_PACKAGES: readonly string[] = ["torch", "torchaudio", "torchvision"];

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

/** All files that a lock can contain, in the order of installation. */
export const LOCK_FILES: readonly string[] = ["heavy.txt", "torch.cpu.txt", "heavy.cpu.txt", "light.txt", "web.txt"];

/** The group of a requirement. @param name - normalized */
export function groupOf(name: string): Group {
  return GROUPS.find((group) => group !== "light" && GROUP_ROOTS[group].includes(name)) ?? "light";
}

/**
 * Files of the heavy layer, in the order of installation. A lock without torch has no CPU files; both variants use its `heavy.txt`.
 * `torch.cpu.txt` is installed from the PyTorch CPU index and may have no hashes; see `npm run lock -- --help`. All other files are
 * installed with `--no-deps --require-hashes`.
 *
 * @param files - names of the files in the lock
 */
export function heavyFiles(variant: "gpu" | "cpu", files: Iterable<string>): string[] {
  const present = new Set(files);
  return variant === "cpu" && present.has("torch.cpu.txt") ? ["torch.cpu.txt", "heavy.cpu.txt"] : ["heavy.txt"];
}
