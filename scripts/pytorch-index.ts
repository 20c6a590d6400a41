/** Looks up the CPU builds of torch and its siblings, which are on PyTorch's own index and not on PyPI. */
import { LockError } from "../stack/lock/error";
import { combineMarkers, parseMarker } from "../stack/lock/marker";
import type { Pin } from "../stack/lock/pin";
import { normaliseName } from "../stack/lock/requirement-line";
import { MACHINES, minorOf } from "../stack/lock/targets";

/** Patience with one page of the index, in milliseconds. */
const TIMEOUT = 15_000;

/** Pins of the CPU builds, or why there are none. */
export type CpuBuilds = { readonly pins: Pin[] } | { readonly unreachable: string };

/**
 * Replaces pins of torch and its siblings by those of their CPU builds, with hashes. The index calls most builds
 * `X+cpu`, and uv accepts no hash given for `X` when it installs one of those: so each pin names what the index has, by
 * machine if that differs.
 *
 * @param index - a simple index (PEP 503), such as https://download.pytorch.org/whl/cpu
 * @param python - lowest Python that builds are wanted for, such as `3.11`
 * @throws LockError if the index is there and lacks such a build for a machine, or states no hash of one
 */
export async function findCpuBuilds(index: string, pins: readonly Pin[], python: string): Promise<CpuBuilds> {
  const builds: Pin[] = [];
  for (const pin of pins) {
    const url = `${index.replace(/\/+$/, "")}/${pin.name}/`;
    let page: string;
    try {
      const response = await fetch(url, { headers: { accept: "text/html" }, signal: AbortSignal.timeout(TIMEOUT) });
      if (!response.ok) {
        return { unreachable: `${url} answers ${response.status}` };
      }
      page = await response.text();
    } catch (error) {
      const { cause, message } = error as Error & { cause?: Error };
      return { unreachable: `${url}: ${cause?.message || message}` };
    }
    const wheels = readIndexPage(page).filter(({ name, minor }) => name === pin.name && minor >= minorOf(python));
    const found = MACHINES.map((machine) => ({ machine, ...buildFor(machine, pin, wheels, url) }));
    if (new Set(found.map(({ version }) => version)).size === 1) {
      const hashes = new Set(found.flatMap((build) => build.hashes));
      builds.push({ ...pin, version: found[0].version, hashes: [...hashes].sort() });
    } else {
      for (const { machine, version, hashes } of found) {
        const marker = combineMarkers(pin.marker, parseMarker(`platform_machine == '${machine}'`));
        builds.push({ ...pin, version, marker, hashes: [...hashes].sort() });
      }
    }
  }
  return { pins: builds };
}

function buildFor(machine: string, pin: Pin, wheels: readonly Wheel[], url: string): Pick<Pin, "version" | "hashes"> {
  const here = wheels.filter(({ platforms }) =>
    platforms.some((tag) => /^(manylinux|linux)/.test(tag) && tag.endsWith(`_${machine}`)),
  );
  // An installer takes X+cpu for newer than X.
  const version = [`${pin.version}+cpu`, pin.version].find((one) => here.some((wheel) => wheel.version === one));
  if (version === undefined) {
    throw new LockError(`${url} has no ${pin.name} ${pin.version} for Linux on ${machine}`);
  }
  const hashes = here
    .filter((wheel) => wheel.version === version)
    .map(({ file, hash }) => {
      if (hash === undefined) {
        throw new LockError(`${url} states no sha256 of ${file}`);
      }
      return `sha256:${hash}`;
    });
  return { version, hashes };
}

interface Wheel {
  readonly file: string;
  readonly name: string;
  readonly version: string;
  /** Highest minor version of CPython 3 that the wheel is for; no limit if it runs on later ones. */
  readonly minor: number;
  readonly platforms: readonly string[];
  readonly hash?: string;
}

function readIndexPage(html: string): Wheel[] {
  const links = [...html.matchAll(/<a\s[^>]*?href=(["'])(.*?)\1/gis)].map(([, , href]) => href.replace(/&amp;/g, "&"));
  return links.flatMap((link) => {
    const [path, fragment = ""] = link.split("#");
    const file = decodeURIComponent(path.split("/").pop() ?? "");
    // name-version(-build)?-python-abi-platform.whl
    const parts = /^([^-]+)-([^-]+)(?:-\d[^-]*)?-([^-]+)-([^-]+)-([^-]+)\.whl$/.exec(file);
    if (!parts) {
      return [];
    }
    const [, name, version, python, abi, platform] = parts;
    const minor = python === "py3" || abi === "abi3" ? Infinity : Number(/^cp3(\d+)$/.exec(python)?.[1] ?? -1);
    const hash = /^sha256=([0-9a-f]{64})$/.exec(fragment)?.[1];
    return [{ file, name: normaliseName(name), version, minor, platforms: platform.split("."), hash }];
  });
}
