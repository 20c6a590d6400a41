import { copyFileSync, mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { ROOT } from "../root";
import { EPOCH } from "./epoch";

/** What a build needs to reach package servers. `images/build/network.sh` reads it. */
export interface BuildNetwork {
  /** PEM file, absolute or relative to this project. Empty: the certificate authorities of the base. */
  caBundle: string;
  /** URL of a mirror of the OS packages. Empty: none. */
  osMirror: string;
}

/**
 * Writes the settings of the network to a build context, from which the build mounts them. `BuildContext.hash` does not include them, because
 * they change no layer. The files exist even if they are empty.
 */
export function writeBuildNetwork(contextPath: string, { caBundle, osMirror }: BuildNetwork): void {
  const folder = join(ROOT, contextPath, "network");
  mkdirSync(folder, { recursive: true });
  const [bundle, mirror] = ["ca.pem", "os-mirror"].map((name) => join(folder, name));
  if (caBundle) copyFileSync(resolve(ROOT, caBundle), bundle);
  else writeFileSync(bundle, "");
  writeFileSync(mirror, osMirror);
  for (const file of [bundle, mirror]) utimesSync(file, EPOCH, EPOCH);
}

/**
 * Docker's predefined build arguments for a proxy. They are in no history, and do not change the cache keys of the steps.
 * Source: https://docs.docker.com/reference/dockerfile/#predefined-args
 */
export function proxyArguments({ proxy, noProxy }: { proxy: string; noProxy: string }): Record<string, string> {
  if (!proxy) return {};
  const values = { HTTP_PROXY: proxy, HTTPS_PROXY: proxy, NO_PROXY: noProxy };
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => [
      [name, value],
      [name.toLowerCase(), value],
    ]),
  );
}
