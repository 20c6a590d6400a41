import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { ImageDigests } from "../images/catalog";
import { MODEL_VOLUME_PATH, modelSet } from "../config/model-set";
import { digestOf, images } from "../images/images";
import type { Platform, PlatformArgs } from "../platform";
import { password } from "../pulumi/password";
import { localRepository } from "../registry/registry";
import { imageOf, imagesOf, LOAD_BALANCED_ROLE, ROLES, type Role } from "../roles";
import { container, dockerLabels, keepLabels, volume, type StackContext } from "./container";
import { requiredModels } from "./required-models";
import { objectStore } from "./object-store";
import { proxy } from "./proxy";
import { redis } from "./redis";
import { registry } from "./registry";
import { verifyRollout } from "./rollout";

/**
 * Seconds for which a container can be unhealthy before its health check stops its process. Docker then restarts the container: it restarts
 * a container only when the process has exited.
 */
const RESTART_AFTER_S = 60;

/** The service on the Docker engine of this machine: registry, images, Redis, object store, proxy, and a container for each role. */
export class DockerPlatform extends pulumi.ComponentResource implements Platform {
  readonly outputs: Platform["outputs"];

  constructor(name: string, args: PlatformArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:docker:Platform", name, {}, opts);
    const { settings, stack } = args;
    const child = { parent: this };
    const repository = localRepository(settings.registryPort);

    const network = new docker.Network(
      "spatialforge",
      { driver: "bridge", labels: dockerLabels(stack, "network") },
      keepLabels(child),
    );
    const context = { stack, network, serviceImages: settings.serviceImages };
    const registryContainer = registry(context, settings.registryPort, child);
    const { source, digests } = images(
      {
        ...args,
        platform: args.engine.platform,
        repository: { url: repository },
        required: imagesOf(args.gpu.usable),
      },
      { ...child, dependsOn: [registryContainer] },
    );
    const broker = redis(context, child);
    const objects = objectStore(context, settings.objectStorePort, child);
    const proxyContainer = proxy(context, LOAD_BALANCED_ROLE.name, settings.port, child);
    const modelVolume = volume("models", context, child);
    const downloaded = requiredModels({ ...args, image: digestOf(digests, "cpu"), volume: modelVolume.name }, this);
    const env = { ...broker.env, ...objects.env, ...applicationSecrets(child) };
    const roleOpts = { ...child, dependsOn: [broker.container, objects.container] };
    const roleContainers = ROLES.map((role) =>
      roleContainer(role, args, { ...context, digests, downloaded, env, modelVolume: modelVolume.name }, roleOpts),
    );

    const release = verifyRollout({
      repository,
      source,
      images: digests,
      containers: pulumi.all({
        registry: registryContainer.id,
        redis: broker.container.id,
        objects: objects.container.id,
        proxy: proxyContainer.id,
        ...Object.fromEntries(roleContainers.map(({ id }, index) => [ROLES[index].name, id])),
      }),
      timeout: settings.healthTimeout,
    });
    this.outputs = {
      url: release.apply(() => `http://127.0.0.1:${settings.port}`),
      images: digests,
      release,
      gpu: pulumi.output(args.gpu),
    };
    // Without the release: if it rejected, Pulumi would also report a property that cannot be serialized.
    this.registerOutputs({ images: digests });
  }
}

interface RoleContainerArgs extends StackContext {
  digests: pulumi.Output<ImageDigests>;
  /** Variables with which the application connects to its services. */
  env: Record<string, pulumi.Input<string>>;
  modelVolume: pulumi.Input<string>;
  /** Resolves when the required models are on the model volume. The roles start only then. */
  downloaded: pulumi.Output<unknown>;
}

function roleContainer(
  role: Role,
  args: PlatformArgs,
  { digests, downloaded, env, modelVolume, ...context }: RoleContainerArgs,
  opts: pulumi.CustomResourceOptions,
): docker.Container {
  const image = imageOf(role, args.gpu.usable);
  return container(
    role.name,
    {
      ...context,
      ...role.docker,
      image: pulumi.all([digestOf(digests, image), downloaded]).apply(([digest]) => digest),
      command: [role.process],
      env: { ...environment(role, args), ...env },
      runtime: image === "cpu" ? undefined : "nvidia",
      sharedMemorySize: role.modelVolume ? args.settings.sharedMemorySize : undefined,
      volumes: role.modelVolume ? { [MODEL_VOLUME_PATH]: modelVolume } : {},
      tmp: "disk", // the application stores uploads there
    },
    { ...opts, deleteBeforeReplace: role.singleton },
  );
}

function environment(
  { queues, modelVolume }: Role,
  { environment, settings }: PlatformArgs,
): Record<string, pulumi.Input<string>> {
  return {
    HEALTH_RESTART_AFTER_S: String(RESTART_AFTER_S),
    ...(modelVolume && modelSet(settings).roleEnvironment),
    ...(queues.length ? { WORKER_QUEUES: queues.join(",") } : {}),
    ...environment.plain,
    ...environment.secret,
  };
}

/** Secrets that the application requires at its start. */
const applicationSecrets = (opts: pulumi.CustomResourceOptions) => ({
  API_KEY_SECRET: password("api-key-secret", opts),
  ADMIN_API_KEY: password("admin-api-key", opts),
});
