import * as pulumi from "@pulumi/pulumi";
import { openApp } from "../../stack/app/source";
import { settingsSchema } from "../../stack/config/schema";
import { mockEngine, type Registered } from "./mocks";

/** All resources that the local stack registers, with the default settings and the sample application. */
export async function dockerPlatform(): Promise<Registered[]> {
  const registered = await mockEngine("local");
  const { env, netrc, ...settings } = settingsSchema.parse({});
  const { DockerPlatform } = await import("../../stack/docker/platform.js");
  const { outputs } = new DockerPlatform("spatialforge", {
    stack: "local",
    settings,
    environment: { plain: env, secret: {} },
    netrc: pulumi.secret(netrc),
    engine: { platform: "linux/amd64" },
    gpu: { usable: false, description: "no GPU" },
    app: await openApp({ path: "sample-app" }),
    availabilityZones: [],
  });
  await new Promise((resolve) => outputs.release.apply(resolve));
  return registered;
}
