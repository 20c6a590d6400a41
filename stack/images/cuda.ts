/**
 * NVIDIA driver of each CUDA toolkit, by its major and minor version: that of its first release on Linux. Source: CUDA Toolkit release notes,
 * "CUDA Toolkit and Corresponding Driver Versions", https://docs.nvidia.com/cuda/cuda-toolkit-release-notes/
 */
export const TOOLKIT_DRIVERS: Readonly<Record<string, string>> = {
  "12.0": "525.60.13",
  "12.1": "530.30.02",
  "12.2": "535.54.03",
  "12.3": "545.23.06",
  "12.4": "550.54.14",
  "12.5": "555.42.02",
  "12.6": "560.28.03",
  "12.8": "570.26",
  "12.9": "575.51.03",
  "13.0": "580.65.06",
  "13.1": "590.44.01",
  "13.2": "595.45.04",
};

/**
 * Minimum driver for a version of CUDA: that of the first toolkit with this major version. Programs for a later minor version run on it, with
 * a limited set of features. So a driver between this one and that of the toolkit is allowed, and the containers log a warning.
 * Source: "Minor Version Compatibility", https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html
 * @param cuda - MAJOR.MINOR
 * @returns undefined for a major version that is not in the table
 */
export const minimumDriver = (cuda: string): string | undefined => TOOLKIT_DRIVERS[`${cuda.split(".")[0]}.0`];

/** Whether a driver version is older than another one. Compares all numbers: `580.9` is older than `580.65.06`. */
export function isOlderDriver(version: string, other: string): boolean {
  const [numbers, others] = [version, other].map((text) => text.split(".").map((part) => parseInt(part, 10)));
  const different = others.findIndex((number, index) => number !== (numbers[index] ?? 0));
  return different >= 0 && (numbers[different] ?? 0) < others[different];
}
