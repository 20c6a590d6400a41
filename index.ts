import * as pulumi from "@pulumi/pulumi";
import type { AwsPlatform } from "./stack/aws/platform";
import type { DockerPlatform } from "./stack/docker/platform";
import type { Inputs } from "./stack/settings/read";

/** Each platform is loaded only where it is the one, while the settings are checked: that saves a second of each preview. */
const PLATFORMS = {
  docker: () =>
    import("./stack/docker/platform.js").then(
      (m) =>
        (name: string, inputs: Inputs): DockerPlatform =>
          new m.DockerPlatform(name, inputs),
    ),
  aws: () =>
    import("./stack/aws/platform.js").then(
      (m) =>
        (name: string, inputs: Inputs): AwsPlatform =>
          new m.AwsPlatform(name, inputs),
    ),
};

/** Settings, then the platform with its images and services, then the outputs. */
export = async () => {
  if (new pulumi.Config("spatialforge").get("platform") === "aws") {
    const { identity } = await import("./stack/aws/account.js");
    identity().catch(() => undefined); // the check says what is wrong; here the provider only gets its start
  }
  const { readInputs } = await import("./stack/settings/read.js");
  const inputs = await readInputs();
  const platform = (await PLATFORMS[inputs.settings.platform]())("spatialforge", inputs);
  const { url, images, release } = platform;
  return { url, images, release, ...("fillModels" in platform ? { fillModels: platform.fillModels } : {}) };
};
