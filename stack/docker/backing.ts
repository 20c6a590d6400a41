import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { password } from "../password";
import { nginxConfig, RUN_NGINX } from "./nginx";
import { service } from "./service";

/** Images of the services around the application; the tags are the tested ones. */
export const BACKING_IMAGES = {
  redis: "redis:8.2-alpine",
  objects: "versity/versitygw:v1.8.0",
  registry: "registry:3",
  proxy: "nginxinc/nginx-unprivileged:1.29-alpine",
} as const;

const BUCKET = "spatialforge";

/** Every container of this stack is on one private network. */
export interface Place {
  network: docker.Network;
  stack: string;
}

/** A container that owns a volume or a port must be gone before another one has it. */
const exclusive = (opts: pulumi.CustomResourceOptions): pulumi.CustomResourceOptions => ({
  ...opts,
  deleteBeforeReplace: true,
});

/**
 * Redis: broker, and the only store of API keys, so it appends every write to a file and refuses writes rather than evict a key.
 * The password comes by the environment: a command line is for everyone to read.
 */
export function redis(place: Place, opts: pulumi.CustomResourceOptions) {
  const secret = password("redis-password", opts);
  const volume = new docker.Volume("redis", {}, opts);
  const container = service(
    "redis",
    {
      ...place,
      image: BACKING_IMAGES.redis,
      entrypoint: ["/bin/sh", "-c"],
      command: [
        "exec redis-server - <<END\ndir /data\nappendonly yes\nappendfsync everysec\nmaxmemory 400mb\nmaxmemory-policy noeviction\nrequirepass $REDISCLI_AUTH\nEND",
      ],
      env: { REDISCLI_AUTH: secret },
      user: "redis",
      memory: 512,
      volumes: { "/data": volume.name },
      healthcheck: ["redis-cli", "ping"],
      stopTimeout: 30,
    },
    exclusive(opts),
  );
  return { container, env: { REDIS_URL: pulumi.interpolate`redis://:${secret}@redis:6379/0` } };
}

/** The object store: Versity S3 Gateway on a volume. A bucket is a folder, so making the folder makes the bucket. */
export function objects(place: Place, opts: pulumi.CustomResourceOptions) {
  const accessKey = new random.RandomString("objects-access-key", { length: 20, special: false, lower: false }, opts)
    .result;
  const secretKey = password("objects-secret-key", opts);
  const volume = new docker.Volume("objects", {}, opts);
  const container = service(
    "objects",
    {
      ...place,
      image: BACKING_IMAGES.objects,
      entrypoint: ["/bin/sh", "-c"],
      // /var/tmp belongs to everybody in every image, and so does a fresh volume there: no root is needed to own the data.
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
  return { container, env };
}

/** The registry: where images are pushed, and where an empty engine finds its build cache. */
export function registry(place: Place, port: number, opts: pulumi.CustomResourceOptions): docker.Container {
  const volume = new docker.Volume("registry", {}, opts);
  return service(
    "registry",
    {
      ...place,
      image: BACKING_IMAGES.registry,
      env: { OTEL_TRACES_EXPORTER: "none" },
      memory: 512,
      volumes: { "/var/lib/registry": volume.name },
      ports: { [port]: 5000 },
      healthcheck: ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:5000/v2/"],
    },
    exclusive(opts),
  );
}

/**
 * The entry: the one container with the API's port, so that the API itself can be replaced by starting the new one first. It asks
 * Docker's resolver for every request, and goes on to the next address while one does not answer.
 */
export function proxy(place: Place, port: number, opts: pulumi.CustomResourceOptions): docker.Container {
  const config = nginxConfig(`  client_max_body_size 512m;
  resolver 127.0.0.11 valid=1s ipv6=off;
  server {
    listen 8080;
    location = /-/proxy { return 200; }
    location / {
      set $api api;
      proxy_pass http://$api:8000;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_connect_timeout 2s;
      proxy_read_timeout 130s;
      proxy_next_upstream error timeout;
    }
  }
`);
  return service(
    "proxy",
    {
      ...place,
      image: BACKING_IMAGES.proxy,
      entrypoint: ["/bin/sh", "-c"],
      command: [RUN_NGINX],
      env: { NGINX_CONFIG: config },
      memory: 128,
      ports: { [port]: 8080 },
      healthcheck: ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/-/proxy"],
    },
    exclusive(opts),
  );
}
