import Docker from "dockerode";
import Table from "cli-table3";
import { containersOf, LABELS } from "../../stack/docker/labels";
import type { Outputs } from "./cli";
import { colour } from "./colour";

const MB = 1e6;

/** A table of the services of a stack: name, size of the image in MB (10^6 bytes, uncompressed), health. */
export async function summary(stack: string): Promise<string> {
  const engine = new Docker();
  const containers = await engine.listContainers({ filters: containersOf(stack) });
  const rows = await Promise.all(
    containers.map(async ({ Id, Labels, ImageID }) => {
      const [{ State, Config }, image] = await Promise.all([
        engine.getContainer(Id).inspect(),
        engine.getImage(ImageID).inspect(),
      ]);
      const built = Config.Image.includes("@sha256:");
      const kind = built ? (Config.Env.includes("GPU_REQUIRED=1") ? "GPU" : "CPU") : "";
      return [Labels[LABELS.service], kind, `${Math.round(image.Size / MB)} MB`, State.Health?.Status ?? State.Status];
    }),
  );
  const table = new Table({ head: ["service", "image", "size", "health"], style: { head: [], border: [] } });
  table.push(...rows.sort(([a], [b]) => a.localeCompare(b)).map((row) => [...row.slice(0, 3), painted(row[3])]));
  const onGpu = rows.some(([, kind]) => kind === "GPU");
  return table.toString() + (onGpu ? "" : `\n${NO_GPU}`);
}

const NO_GPU = "API and worker run the CPU image: the engine has no runtime called nvidia, or spatialforge:gpu is off.";

const painted = (health: string): string => (health === "healthy" ? colour.green(health) : colour.red(health));

/** What to try next; every block can be pasted. */
export function nextSteps({ url, release }: Outputs): string {
  return `${colour.bold("SpatialForge runs")} at ${colour.cyan(url)}, release ${release}.

${colour.bold("Next")}
  # a request that returns a result
  export KEY=$(npm run --silent key)
  curl -s ${url}/v1/depth -H "X-API-Key: $KEY" -F image=@docs/example.png

  # a job through the worker, and its result
  JOB=$(curl -s ${url}/v1/reconstruct -H "X-API-Key: $KEY" -F image=@docs/example.png | sed 's/.*"job_id":"\\([^"]*\\)".*/\\1/')
  sleep 3; curl -s ${url}/v1/reconstruct/$JOB -H "X-API-Key: $KEY"

  # logs of a service
  docker logs --tail 20 $(docker ps -q --filter label=spatialforge.service=worker)

  # roll out a change: edit sample-app/, then
  npm run up

  # remove everything
  npm run down`;
}
