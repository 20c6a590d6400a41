import type * as docker from "@pulumi/docker";
import type * as pulumi from "@pulumi/pulumi";
import { container, exclusive, volume, type StackContext } from "./container";

/** Creates the registry. It stores the images, and the build cache for an engine with empty stores. */
export function registry(context: StackContext, port: number, opts: pulumi.CustomResourceOptions): docker.Container {
  const data = volume("registry", context, opts);
  return container(
    "registry",
    {
      ...context,
      image: context.serviceImages.registry,
      // By default, it sends traces to a collector on localhost and logs an error for each attempt.
      env: { OTEL_TRACES_EXPORTER: "none" },
      memory: 512,
      volumes: { "/var/lib/registry": data.name },
      ports: { [port]: 5000 },
      healthcheck: ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:5000/v2/"],
    },
    exclusive(opts),
  );
}
