import Table from "cli-table3";
import { containerFilter, dockerClient, LABELS } from "../../stack/clients/docker";
import type { Gpu } from "../../stack/preflight/gpu";
import { color } from "./color";
import type { Outputs } from "./pulumi-stack";

const MB = 1e6;

/**
 * A table of the services of a stack: name, variant of the image, size of the image in MB (10^6 bytes, uncompressed), and health. Below it,
 * why the services run GPU images or the CPU image.
 */
export async function summary(stack: string, { usable, description }: Gpu): Promise<string> {
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
  return `${table.toString()}\nThe API and the worker run ${usable ? "the GPU images" : "the CPU image"}: ${description}.`;
}

const coloredHealth = (health: string): string => (health === "healthy" ? color.green(health) : color.red(health));

/** A shell command that prints a text field of a JSON object. */
const field = (name: string): string => `sed 's/.*"${name}":"\\([^"]*\\)".*/\\1/'`;

/** The next steps for the user. Each block can be pasted into a shell. */
export function nextSteps({ url, release }: Outputs): string {
  return `${color.bold("SpatialForge is running")} at ${color.cyan(url)}, release ${release}.

${color.bold("Next")}
  # send a request, and open its result
  export KEY=$(npm run --silent key)
  DEPTH=$(curl -fsS ${url}/v1/depth -H "X-API-Key: $KEY" -F image=@docs/example.png | ${field("depth_map_url")})
  curl -fsS "$DEPTH" -o depth.png && echo "depth.png is from $DEPTH"

  # run a job on the worker, and open its result
  JOB=$(curl -fsS ${url}/v1/reconstruct -H "X-API-Key: $KEY" -F image=@docs/example.png | ${field("job_id")})
  until curl -fsS ${url}/v1/reconstruct/$JOB -H "X-API-Key: $KEY" | tee job.json | grep -qE '"(complete|failed)"'; do sleep 1; done
  RESULT=$(${field("url")} job.json)
  curl -fsS "$RESULT" -o result.ply && echo "result.ply is from $RESULT"

  # show the logs of a service
  npm run --silent logs -- --stack local worker

  # deploy a change: edit sample-app/, then run
  npm run up

  # remove everything
  npm run down`;
}
