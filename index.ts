import type { AwsPlatform } from "./stack/aws/platform";
import type { DockerPlatform } from "./stack/docker/platform";
import { readInputs, type Inputs } from "./stack/settings/read";

/** Each platform is loaded only where it is the one: the AWS SDK takes seconds. */
const PLATFORMS = {
  docker: async (name: string, inputs: Inputs): Promise<DockerPlatform> =>
    new (await import("./stack/docker/platform.js")).DockerPlatform(name, inputs),
  aws: async (name: string, inputs: Inputs): Promise<AwsPlatform> =>
    new (await import("./stack/aws/platform.js")).AwsPlatform(name, inputs),
};

/** Settings, then the platform with its images and services, then the outputs. */
export = async () => {
  const inputs = await readInputs();
  const { url, images, release } = await PLATFORMS[inputs.settings.platform]("spatialforge", inputs);
  return { url, images, release };
};
