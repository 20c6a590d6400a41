import * as docker from "@pulumi/docker";
import type * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { password } from "../pulumi/password";
import { container, exclusive, type StackContext } from "./container";
import { SERVICE_IMAGES } from "./service-images";

const BUCKET = "spatialforge";

/**
 * Creates the object store: Versity S3 Gateway on a volume. It stores a bucket as a folder, so the command that creates the folder creates
 * the bucket.
 * @returns the container, and the environment variables with which the application connects to it
 */
export function objectStore(context: StackContext, opts: pulumi.CustomResourceOptions) {
  const accessKey = new random.RandomString("objects-access-key", { length: 20, special: false, lower: false }, opts)
    .result;
  const secretKey = password("objects-secret-key", opts);
  const volume = new docker.Volume("objects", {}, opts);
  const server = container(
    "objects",
    {
      ...context,
      image: SERVICE_IMAGES.objectStore,
      entrypoint: ["/bin/sh", "-c"],
      // Any user can write to /var/tmp, and to a new volume that is mounted there. So the container does not need the root user.
      command: [`mkdir -p /var/tmp/${BUCKET} && exec versitygw --port :9000 --health /health posix /var/tmp`],
      env: { ROOT_ACCESS_KEY: accessKey, ROOT_SECRET_KEY: secretKey },
      user: "10001:10001",
      memory: 512,
      volumes: { "/var/tmp": volume.name },
      healthcheck: ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:9000/health"],
    },
    exclusive(opts),
  );
  const env = {
    MINIO_ENDPOINT: "objects:9000",
    MINIO_ACCESS_KEY: accessKey,
    MINIO_SECRET_KEY: secretKey,
    MINIO_BUCKET: BUCKET,
    MINIO_SECURE: "false",
  };
  return { container: server, env };
}
