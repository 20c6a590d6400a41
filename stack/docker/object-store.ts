import type * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { password } from "../pulumi/password";
import { container, exclusive, volume, type StackContext } from "./container";

const BUCKET = "spatialforge";

/**
 * Name of the object store, for containers and for clients on this machine. The signature of a URL covers the host and the port, so both
 * must be the same for all clients. Containers resolve the name by a network alias. Clients on this machine resolve it to the loopback
 * address (RFC 6761, section 6.3).
 */
const HOST = "objects.localhost";

/**
 * Creates the object store: Versity S3 Gateway on a volume. It stores a bucket as a folder, so the command that creates the folder creates
 * the bucket.
 * @param port - port in the container, and on the loopback address
 * @returns the container, and the environment variables with which the application connects to it
 */
export function objectStore(context: StackContext, port: number, opts: pulumi.CustomResourceOptions) {
  const accessKey = new random.RandomString("objects-access-key", { length: 20, special: false, lower: false }, opts)
    .result;
  const secretKey = password("objects-secret-key", opts);
  const data = volume("objects", context, opts);
  const server = container(
    "objects",
    {
      ...context,
      image: context.serviceImages.objectStore,
      entrypoint: ["/bin/sh", "-c"],
      // Any user can write to /var/tmp, and to a new volume that is mounted there. So the container does not need the root user.
      command: [`mkdir -p /var/tmp/${BUCKET} && exec versitygw --port :${port} --health /health posix /var/tmp`],
      env: { ROOT_ACCESS_KEY: accessKey, ROOT_SECRET_KEY: secretKey },
      user: "10001:10001",
      memory: 512,
      volumes: { "/var/tmp": data.name },
      aliases: [HOST],
      ports: { [port]: port },
      healthcheck: ["wget", "-q", "-O", "/dev/null", `http://127.0.0.1:${port}/health`],
    },
    exclusive(opts),
  );
  const env = {
    MINIO_ENDPOINT: `${HOST}:${port}`,
    MINIO_ACCESS_KEY: accessKey,
    MINIO_SECRET_KEY: secretKey,
    MINIO_BUCKET: BUCKET,
    MINIO_SECURE: "false",
  };
  return { container: server, env };
}
