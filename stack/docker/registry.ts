import * as docker from "@pulumi/docker";
import type * as pulumi from "@pulumi/pulumi";
import { container, exclusive, type StackContext } from "./container";
import { SERVICE_IMAGES } from "./service-images";

/** The registry: images are pushed to it, and an engine with empty stores finds the build cache in it. */
export function registry(context: StackContext, port: number, opts: pulumi.CustomResourceOptions): docker.Container {
  const volume = new docker.Volume("registry", {}, opts);
  return container(
    "registry",
    {
      ...context,
      image: SERVICE_IMAGES.registry,
      env: { OTEL_TRACES_EXPORTER: "none" },
      memory: 512,
      volumes: { "/var/lib/registry": volume.name },
      ports: { [port]: 5000 },
      healthcheck: ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:5000/v2/"],
    },
    exclusive(opts),
  );
}
