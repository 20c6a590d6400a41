import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { images } from "../images/images";
import type { Platform, PlatformArgs } from "../platform";
import { password } from "../pulumi/password";
import { localRepository } from "../registry/registry";
import { LOAD_BALANCED_ROLE, ROLES, type Role } from "../roles";
import { container } from "./container";
import { objectStore } from "./object-store";
import { proxy } from "./proxy";
import { redis } from "./redis";
import { registry } from "./registry";
import { verifyRollout } from "./rollout";

/**
 * Seconds after which an unhealthy process ends itself so that Docker restarts it: plain Docker restarts a container only when its process
 * has ended.
 */
const RESTART_AFTER_S = 60;

/** The whole service on the Docker engine of this machine: registry, images, Redis, object store, proxy, and the application. */
export class DockerPlatform extends pulumi.ComponentResource implements Platform {
  readonly outputs: Platform["outputs"];

  constructor(name: string, args: PlatformArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:docker:Platform", name, {}, opts);
    const { settings, stack } = args;
    const child = { parent: this };
    const repository = localRepository(settings.registryPort);

    const network = new docker.Network("spatialforge", { driver: "bridge" }, child);
    const context = { stack, network };
    const registryContainer = registry(context, settings.registryPort, child);
    const { source, digests } = images(
      { ...args, platform: args.engine.platform, repository: { url: repository } },
      { ...child, dependsOn: [registryContainer] },
    );
    const broker = redis(context, child);
    const objects = objectStore(context, child);
    const proxyContainer = proxy(context, LOAD_BALANCED_ROLE.name, settings.port, child);
    const models = new docker.Volume("models", {}, child);
    const env = { ...broker.env, ...objects.env, ...applicationSecrets(child) };

    const app = ROLES.map((role: Role) => {
      const image = (args.engine.gpu && role.gpuImage) || "cpu";
      return container(
        role.name,
        {
          ...context,
          ...role.docker,
          image: digests[image],
          command: [role.process],
          env: { ...environment(role, args), ...env },
          runtime: image === "cpu" ? undefined : "nvidia",
          volumes: role.modelVolume ? { "/models": models.name } : {},
        },
        { ...child, dependsOn: [broker.container, objects.container], deleteBeforeReplace: role.singleton },
      );
    });

    const release = verifyRollout({
      repository,
      source,
      images: digests,
      containers: pulumi.all({
        registry: registryContainer.id,
        redis: broker.container.id,
        objects: objects.container.id,
        proxy: proxyContainer.id,
        ...Object.fromEntries(app.map(({ id }, index) => [ROLES[index].name, id])),
      }),
      timeout: settings.healthTimeout,
    });
    this.outputs = {
      url: release.apply(() => `http://127.0.0.1:${settings.port}`),
      images: digests,
      release,
    };
    // Not the release: Pulumi would report a failure of it as a property that cannot be serialized.
    this.registerOutputs({ images: digests });
  }
}

function environment({ queues }: Role, { environment }: PlatformArgs): Record<string, pulumi.Input<string>> {
  return {
    HEALTH_RESTART_AFTER_S: String(RESTART_AFTER_S),
    ...(queues.length ? { WORKER_QUEUES: queues.join(",") } : {}),
    ...environment.plain,
    ...environment.secret,
  };
}

/** Secrets that the application requires to start. */
const applicationSecrets = (opts: pulumi.CustomResourceOptions) => ({
  API_KEY_SECRET: password("api-key-secret", opts),
  ADMIN_API_KEY: password("admin-api-key", opts),
});
