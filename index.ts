import { awaitOutput } from "./stack/pulumi/internals";
import { loadPlatform, readInputs } from "./stack/startup";

/** Reads the settings, builds the platform, and returns its outputs. */
export = async () => {
  const inputs = await readInputs();
  const Platform = await loadPlatform(inputs.settings.platform);
  const { outputs } = new Platform("spatialforge", inputs);
  await awaitOutput(outputs.release);
  return outputs;
};
