import type Docker from "dockerode";
import type { EcrImage } from "../../../stack/registry/ecr-images";
import { imageDigest } from "../../../stack/registry/release";
import { ROLES } from "../../../stack/roles";
import type { ServiceContainer } from "../../operate/containers";
import { runningReleases } from "../releases";
import type { ContainerStatus, RoleStatus } from "../model";

/** `healthy`, or what the container does instead. */
export function healthOf({ State, RestartCount }: Docker.ContainerInspectInfo): string {
  const restarts = RestartCount ? `, ${RestartCount} ${RestartCount === 1 ? "restart" : "restarts"}` : "";
  if (State.Restarting) return `restarting (exit code ${State.ExitCode}${restarts})`;
  if (!State.Running) return `${State.Status} (exit code ${State.ExitCode})`;
  const { Status, Log } = State.Health ?? { Status: "healthy", Log: [] };
  const output = Log?.at(-1)?.Output?.trim();
  return Status === "healthy" || !output ? Status : `${Status} (${output.split("\n")[0]})`;
}

/** @param images - those of the registry. Each role has one container. During an update, the old one runs beside it for a while. */
export const roleStatus = (containers: readonly ServiceContainer[], images: readonly EcrImage[]): RoleStatus[] => {
  const ofRole = ROLES.map(({ name }) => containers.filter(({ service }) => service === name).map(({ info }) => info));
  const digests = ofRole.map(([first]) => first && imageDigest(first.Config.Image));
  const releases = runningReleases(digests, images);
  return ROLES.map(({ name }, index) => {
    const own = ofRole[index];
    const running = own.filter(({ State }) => State.Running).length;
    const healthy = own.filter((info) => healthOf(info) === "healthy").length;
    const unhealthy = own.find((info) => healthOf(info) !== "healthy");
    const problem = own.length
      ? unhealthy && `the container is ${healthOf(unhealthy)}`
      : "the container does not exist";
    return {
      role: name,
      desired: 1,
      minTasks: 1,
      running,
      healthy,
      problem,
      digest: digests[index],
      release: releases[index],
    };
  });
};

/** The containers that are no role, such as Redis. */
export const otherContainers = (containers: readonly ServiceContainer[]): ContainerStatus[] =>
  containers
    .filter(({ service }) => !ROLES.some(({ name }) => name === service))
    .map(({ service, info }) => ({ name: service, health: healthOf(info) }))
    .sort((a, b) => a.name.localeCompare(b.name));
