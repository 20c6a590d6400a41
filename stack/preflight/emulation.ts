import { Readable } from "node:stream";
import * as pulumi from "@pulumi/pulumi";
import type Docker from "dockerode";
import { labelsOf } from "../clients/docker";
import type { Problem } from "../config/problem";
import { AWS_IMAGE_PLATFORM } from "../images/catalog";
import type { Engine } from "./engine";
import { PROBE, probeArchive, type ProbeArchitecture } from "./probe-image";

/** Seconds within which a program that only ends must end. */
const TIMEOUT_S = 30;

const ELSEWHERE =
  "build on a machine with this architecture: deploy with GitHub Actions (docs/github.md), or set DOCKER_HOST to the engine of such a machine";

/**
 * Problems with an engine that has another architecture than the hosts on AWS: the steps of a build run programs of the image. If the engine
 * emulates that architecture, logs a warning instead.
 */
export async function emulationProblems(docker: Docker, stack: string, { platform }: Engine): Promise<Problem[]> {
  if (platform === AWS_IMAGE_PLATFORM) return [];
  const architecture = AWS_IMAGE_PLATFORM.split("/")[1] as ProbeArchitecture;
  const found = `the images for AWS are for ${AWS_IMAGE_PLATFORM}, and the Docker engine has the platform ${platform}`;
  let emulates: boolean;
  try {
    emulates = await canRun(docker, stack, architecture);
  } catch (error) {
    const remedy = `${found}. Whether it emulates ${architecture} cannot be checked (${(error as Error).message.trim()}): ${ELSEWHERE}`;
    return [{ key: "platform", value: "aws", remedy }];
  }
  if (emulates) {
    await pulumi.log.warn(
      `${found}: it emulates ${architecture}, which makes builds several times slower. To avoid this, ${ELSEWHERE}`,
    );
    return [];
  }
  const install = `\`docker run --privileged --rm tonistiigi/binfmt --install ${architecture}\``;
  const remedy = `${found}, without emulation: ${ELSEWHERE}, or install the emulation with ${install}`;
  return [{ key: "platform", value: "aws", remedy }];
}

/** Whether a container can run programs of an architecture. @throws the error of the engine, if it cannot start a container */
export async function canRun(docker: Docker, stack: string, architecture: ProbeArchitecture): Promise<boolean> {
  const repository = "spatialforge-emulation-check";
  const options = { repo: repository, tag: architecture, platform: `linux/${architecture}` };
  const stream = await docker.importImage(Readable.from([probeArchive(architecture)]), options);
  await new Promise<void>((resolve, reject) =>
    docker.modem.followProgress(stream, (error) => (error ? reject(error) : resolve())),
  );
  const image = `${repository}:${architecture}`;
  try {
    const container = await docker.createContainer({
      Image: image,
      Entrypoint: [PROBE],
      Labels: labelsOf(stack, "emulation-check"),
      HostConfig: { NetworkMode: "none" },
    });
    const abortSignal = AbortSignal.timeout(TIMEOUT_S * 1000);
    try {
      await container.start({ abortSignal });
      const { StatusCode: code } = (await container.wait({ abortSignal })) as { StatusCode: number };
      return code === 0;
    } catch (error) {
      if (/exec format error/.test((error as Error).message)) return false;
      throw error;
    } finally {
      await container.remove({ force: true, v: true }).catch(() => undefined);
    }
  } finally {
    await docker
      .getImage(image)
      .remove({ force: true })
      .catch(() => undefined);
  }
}
