import { DockerPlatform } from "./stack/docker/platform";
import { readInputs } from "./stack/settings/read";

/** Settings, then the platform with its images and services, then the outputs. */
export = async () => {
  const inputs = await readInputs();
  const { url, images, release } = new DockerPlatform("spatialforge", inputs);
  return { url, images, release };
};
