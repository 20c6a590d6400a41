import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type Docker from "dockerode";
import * as pulumi from "@pulumi/pulumi";
import { dockerClient, mergedOutput } from "../clients/docker";
import type { ImageDigests } from "../images/catalog";
import { userError } from "../pulumi/user-error";
import { Registry } from "../registry/registry";
import { registryImages } from "../registry/registry-images";
import { recordDeployment, recordRelease, releaseId } from "../registry/release";

export interface RolloutArgs {
  repository: string;
  /** What the images were built from: a ref, or a hash of the source files. */
  source: string;
  images: pulumi.Input<ImageDigests>;
  /** Container IDs by service. */
  containers: pulumi.Input<Record<string, string>>;
  /** Seconds within which all services must be healthy. */
  timeout: number;
}

/** Number of restarts after which a container that is not healthy has failed. */
const MAXIMUM_RESTARTS = 3;

/** Number of log lines of a failed service in the error message. */
const LOG_LINES = 15;

const POLL_INTERVAL_MS = 500;

/**
 * Waits until every container is healthy, and then records the release in the registry.
 * @returns the ID of the release
 * @throws RunError that names the first service that failed, the reason, and the last lines of its log. The output rejects with it.
 */
export function verifyRollout(args: RolloutArgs): pulumi.Output<string> {
  return pulumi.all([args.images, args.containers]).apply(async ([images, containers]) => {
    const release = releaseId(args.source, images);
    if (pulumi.runtime.isDryRun()) return release;
    const deadline = Date.now() + args.timeout * 1000;
    await Promise.all(Object.entries(containers).map(([service, id]) => waitUntilHealthy(service, id, deadline)));
    const registry = new Registry(args.repository);
    await recordRelease(registry, release, images);
    await recordDeployment(registry, release, images, await registryImages(registry));
    return release;
  });
}

async function waitUntilHealthy(service: string, id: string, deadline: number): Promise<void> {
  const container = dockerClient().getContainer(id);
  let lastStatus = "";
  let exitCode = 0;
  for (;;) {
    const info = await container.inspect();
    const { Health: health, Running: running } = info.State;
    // Docker sets the exit code to 0 when it starts the container again.
    exitCode = info.State.ExitCode || exitCode;
    if (health ? health.Status === "healthy" : running) return;
    const status = health?.Log?.at(-1)?.Output?.trim() ?? "";
    if (status && status !== lastStatus) void pulumi.log.info(`${service}: ${status}`, undefined, undefined, true);
    lastStatus = status;
    const reason = failureReason(info, { status, exitCode, deadline });
    if (reason) {
      throw userError(
        `${service} did not become healthy: ${reason}\nThe previous version, if any, is still running. The last lines of the log:\n${await lastLogLines(container)}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
  }
}

function failureReason(
  { State, RestartCount }: Docker.ContainerInspectInfo,
  { status, exitCode, deadline }: { status: string; exitCode: number; deadline: number },
): string | undefined {
  const isStopped = State.Restarting || !State.Running;
  if (RestartCount >= MAXIMUM_RESTARTS && (exitCode || isStopped)) {
    return `it restarted ${RestartCount} times, the last time with exit code ${exitCode}`;
  }
  // Docker also reports a container as unhealthy from its exit until its restart.
  if (State.Health?.Status === "unhealthy" && !State.Restarting) {
    return status || "the health check failed without output";
  }
  return Date.now() > deadline
    ? `the timeout expired; the last health check printed: ${status || "nothing"}`
    : undefined;
}

/** The last lines of both output streams, indented. */
async function lastLogLines(container: Docker.Container): Promise<string> {
  const log = Readable.from([await container.logs({ stdout: true, stderr: true, tail: LOG_LINES })]);
  const lines = (await text(mergedOutput(container, log))).trimEnd();
  return lines ? lines.replace(/^/gm, "  ") : "  (the log is empty)";
}
