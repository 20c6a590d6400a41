import { containerFilter, dockerClient } from "../../stack/clients/docker";
import { modelSet, networkVariables } from "../../stack/config/model-set";
import { parseSettings } from "../../stack/config/parse";
import { downloadModels } from "../../stack/docker/model-download";
import { openStack as openLocalStack } from "../local/pulumi-stack";
import { UserError } from "../operate/command";
import { requireNamedModels, type ModelsArgs } from "./run";

/** Runs the download in a container on this machine. @returns whether it has succeeded */
export async function runOnThisMachine(args: ModelsArgs): Promise<boolean> {
  const { stack, listOnly, signal, log } = args;
  const local = await openLocalStack();
  const image = local.outputs().images?.cpu;
  const volume = await modelVolume(local.name);
  if (!image || !volume) throw new UserError("The service is not running. Start it with `npm run up`.");
  if (!listOnly) requireNamedModels(stack);
  const { settings } = parseSettings({ stack: stack.name, values: local.config() }); // with the secrets
  const token = settings?.huggingFaceToken;
  const code = await downloadModels({
    stack: stack.name,
    set: modelSet(stack.settings),
    image,
    volume,
    environment: { ...networkVariables(settings?.env ?? {}), ...(token && { HF_TOKEN: token }) },
    listOnly,
    signal,
    log,
  });
  return code === 0;
}

/** Name of the volume. Undefined if it does not exist. */
async function modelVolume(stack: string): Promise<string | undefined> {
  const { Volumes } = await dockerClient().listVolumes({ filters: containerFilter(stack, "models") });
  return Volumes[0]?.Name;
}
