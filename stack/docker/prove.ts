import Docker from "dockerode";
import * as pulumi from "@pulumi/pulumi";
import { recordRelease, releaseId, type Digests } from "../release/record";
import { Registry } from "../release/registry";
import { userError } from "../user-error";

export interface ProofArgs {
  repository: string;
  /** What the release was made from: a ref, or a hash of the sources. */
  origin: string;
  images: pulumi.Input<Digests>;
  /** Ids of the containers, by service. */
  containers: pulumi.Input<Record<string, string>>;
  /** Seconds within which all must be healthy. */
  timeout: number;
}

/** Restarts after which a service that never was healthy counts as crash-looping. */
const CRASHES = 3;

/** Lines of a failed service's log that the error shows. */
const LOG_LINES = 15;

/**
 * Waits until every container is healthy and then records the release in the registry.
 * @returns the release's id
 * @throws RunError that names the first service that failed, why, and its last log lines.
 */
export function proveRelease(args: ProofArgs): pulumi.Output<string> {
  return pulumi.all([args.images, args.containers]).apply(async ([images, containers]) => {
    const release = releaseId(args.origin, images);
    if (pulumi.runtime.isDryRun()) return release;
    const deadline = Date.now() + args.timeout * 1000;
    await Promise.all(Object.entries(containers).map(([service, id]) => healthy(service, id, deadline)));
    await recordRelease(new Registry(args.repository), release, images);
    return release;
  });
}

async function healthy(service: string, id: string, deadline: number): Promise<void> {
  const container = new Docker().getContainer(id);
  for (let said = ""; ; await new Promise((next) => setTimeout(next, 500))) {
    const { State, RestartCount } = await container.inspect();
    const checked = State.Health?.Log?.at(-1)?.Output?.trim() ?? "";
    if (State.Health ? State.Health.Status === "healthy" : State.Running) return;
    if (checked && checked !== said)
      void pulumi.log.info(`${service}: ${(said = checked)}`, undefined, undefined, true);
    const reason =
      RestartCount >= CRASHES
        ? `it crashed ${RestartCount} times, last with exit code ${State.ExitCode}`
        : State.Health?.Status === "unhealthy"
          ? checked
          : Date.now() > deadline
            ? `it was not healthy in time; its last check said: ${checked || "nothing"}`
            : undefined;
    if (reason) {
      throw userError(
        `${service} did not become healthy: ${reason}\nWhat ran before still runs. The last lines of its log:\n${await lastLines(container)}`,
      );
    }
  }
}

async function lastLines(container: Docker.Container): Promise<string> {
  const log = await container.logs({ stdout: true, stderr: true, tail: LOG_LINES });
  // Each frame of a log without a terminal starts with eight bytes: stream, three zeros, length.
  const lines: string[] = [];
  for (let at = 0; at + 8 <= log.length;) {
    const end = at + 8 + log.readUInt32BE(at + 4);
    lines.push(log.toString("utf8", at + 8, end).trimEnd());
    at = end;
  }
  return lines.map((line) => `  ${line}`).join("\n");
}
