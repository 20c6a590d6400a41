import { satisfies } from "@renovatebot/pep440";
import { APPLICATION } from "../app/application";
import type { Problem } from "../config/problem";

/**
 * Python of a base image, by a part of its name. Sources: https://hub.docker.com/_/python, and the versions of the package python3 at
 * https://packages.ubuntu.com and https://packages.debian.org.
 */
const BASE_PYTHONS: readonly (readonly [name: RegExp, python: string])[] = [
  [/(?:^|\/)python:(3\.\d+)/, "$1"],
  [/ubuntu-?22\.04|jammy/, "3.10"],
  [/ubuntu-?24\.04|noble/, "3.12"],
  [/debian-?12|bookworm/, "3.11"],
  [/debian-?13|trixie/, "3.13"],
];

/**
 * Python of the image that has this base: its own or that of its distribution, or uv's standalone build if that is too old
 * (`images/build/os.sh`). Undefined if the name of the base does not say it, as in `repository@sha256:...`.
 * @param standalone - the setting `python`, such as `3.12`
 */
export function pythonOfImage(base: string, standalone: string): string | undefined {
  for (const [name, python] of BASE_PYTHONS) {
    const match = name.exec(base);
    if (!match) continue;
    const own = python.replace("$1", match[1]);
    return minorOf(own) < minorOf(APPLICATION.minimumPython) ? standalone : own;
  }
  return undefined;
}

const minorOf = (python: string): number => Number(python.split(".")[1]);

/**
 * Problems of the Python versions of the images with the range of the app. A base whose Python is not known is not compared.
 * @param requiresPython - `requires-python` of the app. Empty if it supports every version.
 * @param bases - base images by the name of their setting
 */
export function pythonProblems(
  requiresPython: string,
  bases: Readonly<Record<string, string>>,
  standalone: string,
): Problem[] {
  return Object.entries(bases).flatMap(([name, base]) => {
    const python = pythonOfImage(base, standalone);
    // .99: a base has the newest patch version.
    if (!python || !requiresPython || satisfies(`${python}.99`, requiresPython)) return [];
    const remedy = `its image has Python ${python}, and the app requires "${requiresPython}": set bases.${name} to a base with such a Python, or python for a base without a recent one`;
    return [{ key: `bases.${name}`, value: base, remedy }];
  });
}
