import * as pulumi from "@pulumi/pulumi";
import { password } from "../pulumi/password";
import { container, exclusive, volume, type StackContext } from "./container";

/**
 * Creates Redis: the Celery broker and the only store of API keys. It appends each write to a file. When it is full, it rejects writes
 * instead of evicting keys. The password is in the environment, because every user of the machine can read a command line.
 * @returns the container, and the environment variables with which the application connects to it
 */
export function redis(context: StackContext, opts: pulumi.CustomResourceOptions) {
  const secret = password("redis-password", opts);
  const data = volume("redis", context, opts);
  const server = container(
    "redis",
    {
      ...context,
      image: context.serviceImages.redis,
      entrypoint: ["/bin/sh", "-c"],
      command: [
        "exec redis-server - <<END\ndir /data\nappendonly yes\nappendfsync everysec\nmaxmemory 400mb\nmaxmemory-policy noeviction\nrequirepass $REDISCLI_AUTH\nEND",
      ],
      env: { REDISCLI_AUTH: secret },
      user: "redis",
      memory: 512,
      volumes: { "/data": data.name },
      healthcheck: ["redis-cli", "ping"],
      stopTimeout: 30,
    },
    exclusive(opts),
  );
  return { container: server, env: { REDIS_URL: pulumi.interpolate`redis://:${secret}@redis:6379/0` } };
}
