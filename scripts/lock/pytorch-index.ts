/** Finds the CPU builds of torch, torchvision, and torchaudio. They are on the PyTorch index and not on PyPI. */
import { withoutCredentials } from "../../stack/config/problem";
import { LockError } from "../../stack/lock/error";
import { combineMarkers, parseMarker } from "../../stack/lock/marker";
import type { Pin } from "../../stack/lock/pin";
import { normalizeName } from "../../stack/lock/requirement-line";
import { MACHINES, minorOf } from "../../stack/lock/targets";

/** Timeout for one page of the index, in milliseconds. */
const TIMEOUT = 15_000;

/** Pins of the CPU builds, or the reason why the index cannot be reached. */
type CpuBuilds = { readonly pins: Pin[] } | { readonly unreachable: string };

/**
 * Replaces pins of PyTorch packages with pins of their CPU builds, with hashes. Most builds on the index have the version `X+cpu`, and uv
 * rejects a hash for `X` when it installs `X+cpu`. So each pin has the version of the index, for each machine architecture if they differ.
 *
 * @param index - a simple index (PEP 503), such as https://download.pytorch.org/whl/cpu
 * @param python - lowest Python version to find builds for, such as `3.11`
 * @throws LockError if the index has no such build for an architecture, or no hash of a build
 */
export async function findCpuBuilds(index: string, pins: readonly Pin[], python: string): Promise<CpuBuilds> {
  const builds: Pin[] = [];
  for (const pin of pins) {
    const url = `${index.replace(/\/+$/, "")}/${pin.name}/`;
    let page: string;
    try {
      const response = await request(url);
      if (!response.ok) {
        return { unreachable: withoutCredentials(`${url} returned HTTP ${response.status}`) };
      }
      page = await response.text();
    } catch (error) {
      const { cause, message } = error as Error & { cause?: Error };
      return { unreachable: withoutCredentials(`${url}: ${cause?.message || message}`) };
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

/** Requests a page. `fetch` rejects a URL with a user name and a password, so they are sent in a header. */
function request(address: string): Promise<Response> {
  const url = new URL(address);
  const headers: Record<string, string> = { accept: "text/html" };
  if (url.username || url.password) {
    const credentials = [url.username, url.password].map(decodeURIComponent).join(":");
    headers.authorization = `Basic ${Buffer.from(credentials).toString("base64")}`;
    url.username = url.password = "";
  }
  return fetch(url, { headers, signal: AbortSignal.timeout(TIMEOUT) });
}

function buildFor(machine: string, pin: Pin, wheels: readonly Wheel[], url: string): Pick<Pin, "version" | "hashes"> {
  const matching = wheels.filter(({ platforms }) =>
    platforms.some((tag) => /^(manylinux|linux)/.test(tag) && tag.endsWith(`_${machine}`)),
  );
  // An installer treats X+cpu as newer than X.
  const version = [`${pin.version}+cpu`, pin.version].find((one) => matching.some((wheel) => wheel.version === one));
  if (version === undefined) {
    throw new LockError(`${url} has no ${pin.name} ${pin.version} for Linux on ${machine}`);
  }
  const hashes = matching
    .filter((wheel) => wheel.version === version)
    .map(({ file, hash }) => {
      if (hash === undefined) {
        throw new LockError(`${url} has no sha256 hash of ${file}`);
      }
      return `sha256:${hash}`;
    });
  return { version, hashes };
}

interface Wheel {
  readonly file: string;
  readonly name: string;
  readonly version: string;
  /** Highest minor version of CPython 3 that the wheel supports. Infinity if it supports all later versions. */
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
    return [{ file, name: normalizeName(name), version, minor, platforms: platform.split("."), hash }];
  });
}
