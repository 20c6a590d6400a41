import * as pulumi from "@pulumi/pulumi";

/** Each platform is loaded only where it is the one. */
const PLATFORMS = {
  docker: async () => (await import("./stack/docker/platform.js")).DockerPlatform,
  aws: async () => (await import("./stack/aws/platform.js")).AwsPlatform,
};

/** Settings, then the platform with its images and services, then the outputs. */
export = async () => {
  if (new pulumi.Config("spatialforge").get("platform") === "aws") {
    const { identity } = await import("./stack/aws/account.js");
    identity().catch(() => undefined); // the check says what is wrong; here the provider only gets its start
  }
  const { readInputs } = await import("./stack/settings/read.js");
  const inputs = await readInputs();
  const Platform = await PLATFORMS[inputs.settings.platform]();
  const platform = new Platform("spatialforge", inputs);
  const { url, images, release } = platform;
  return { url, images, release, ...("fillModels" in platform ? { fillModels: platform.fillModels } : {}) };
};
