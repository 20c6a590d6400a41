import Table from "cli-table3";
import { containerFilter, dockerClient, LABELS } from "../../stack/clients/docker";
import { color } from "./color";
import type { Outputs } from "./pulumi-stack";

const MB = 1e6;

/** A table of the services of a stack: name, variant of the image, size of the image in MB (10^6 bytes, uncompressed), and health. */
export async function summary(stack: string): Promise<string> {
  const engine = dockerClient();
  const containers = await engine.listContainers({ filters: containerFilter(stack) });
  const rows = await Promise.all(
    containers.map(async ({ Id, Labels, ImageID }) => {
      const [{ State, Config }, image] = await Promise.all([
        engine.getContainer(Id).inspect(),
        engine.getImage(ImageID).inspect(),
      ]);
      const isBuilt = Config.Image.includes("@sha256:");
      const variant = isBuilt ? (Config.Env.includes("GPU_REQUIRED=1") ? "GPU" : "CPU") : "";
      const size = `${Math.round(image.Size / MB)} MB`;
      return [Labels[LABELS.service], variant, size, State.Health?.Status ?? State.Status];
    }),
  );
  const table = new Table({ head: ["service", "image", "size", "health"], style: { head: [], border: [] } });
  table.push(...rows.sort(([a], [b]) => a.localeCompare(b)).map((row) => [...row.slice(0, 3), coloredHealth(row[3])]));
  const usesGpu = rows.some(([, variant]) => variant === "GPU");
  return table.toString() + (usesGpu ? "" : `\n${NO_GPU}`);
}

const NO_GPU =
  "The API and the worker run the CPU image: the Docker engine has no nvidia runtime, or spatialforge:gpu is off.";

const coloredHealth = (health: string): string => (health === "healthy" ? color.green(health) : color.red(health));

/** The next steps for the user. Each block can be pasted into a shell. */
export function nextSteps({ url, release }: Outputs): string {
  return `${color.bold("SpatialForge is running")} at ${color.cyan(url)}, release ${release}.

${color.bold("Next")}
  # send a request that returns a result
  export KEY=$(npm run --silent key)
  curl -s ${url}/v1/depth -H "X-API-Key: $KEY" -F image=@docs/example.png

  # run a job on the worker, and get its result
  JOB=$(curl -s ${url}/v1/reconstruct -H "X-API-Key: $KEY" -F image=@docs/example.png | sed 's/.*"job_id":"\\([^"]*\\)".*/\\1/')
  sleep 3; curl -s ${url}/v1/reconstruct/$JOB -H "X-API-Key: $KEY"

  # show the logs of a service
  docker logs --tail 20 $(docker ps -q --filter label=spatialforge.service=worker)

  # deploy a change: edit sample-app/, then run
  npm run up

  # remove everything
  npm run down`;
}
