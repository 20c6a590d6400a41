import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished, vi } from "vitest";

/** A Docker context as the Docker CLI stores it. */
interface Context {
  host?: string;
  /** Whether it has TLS certificates. */
  tls?: boolean;
}

/**
 * Creates a Docker configuration folder, and sets DOCKER_CONFIG for the test that is running. DOCKER_HOST and DOCKER_CONTEXT are not set.
 *
 * @param config - content of `config.json`: text as it is, anything else as JSON
 * @returns the folder
 */
export function dockerConfig(config: object | string, contexts: Record<string, Context> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), "docker-config-"));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
    vi.unstubAllEnvs();
  });
  writeFileSync(join(folder, "config.json"), typeof config === "string" ? config : JSON.stringify(config));
  for (const [name, { host, tls }] of Object.entries(contexts)) {
    const id = createHash("sha256").update(name).digest("hex");
    const meta = { Name: name, Metadata: {}, Endpoints: { docker: { Host: host, SkipTLSVerify: false } } };
    write(join(folder, "contexts/meta", id), "meta.json", JSON.stringify(meta));
    if (!tls) continue;
    for (const file of ["ca.pem", "cert.pem", "key.pem"]) write(join(folder, "contexts/tls", id, "docker"), file, PEM);
  }
  vi.stubEnv("DOCKER_CONFIG", folder);
  vi.stubEnv("DOCKER_HOST", undefined);
  vi.stubEnv("DOCKER_CONTEXT", undefined);
  return folder;
}

const PEM = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";

function write(folder: string, file: string, content: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, file), content);
}
