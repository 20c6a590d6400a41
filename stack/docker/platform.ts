import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { appImage } from "../images/app-image";
import { IMAGES, type ImageName } from "../images/table";
import { proveRelease, type Digests } from "../release/prove";
import { digestOf, releaseTag } from "../release/registry";
import { localRepository } from "../settings/machine";
import type { Inputs } from "../settings/read";
import { stage } from "../source/stage";
import { objects, password, proxy, redis, registry } from "./backing";
import { service } from "./service";

/** The roles of the application: what runs each, and how much of the machine it may use. */
const ROLES: {
  name: "api" | "worker" | "beat";
  gpuImage: ImageName;
  onGpu: boolean;
  memory: number;
  stopTimeout: number;
}[] = [
  { name: "api", gpuImage: "api", onGpu: true, memory: 4096, stopTimeout: 10 },
  // A worker finishes its job before it ends.
  { name: "worker", gpuImage: "worker", onGpu: true, memory: 8192, stopTimeout: 600 },
  { name: "beat", gpuImage: "cpu", onGpu: false, memory: 512, stopTimeout: 10 },
];

/** Seconds of ill health after which a process ends itself to be restarted: plain Docker restarts only what has ended. */
const RESTART_AFTER_S = 60;

/** Everything on this machine's Docker engine: registry, images, backing services and the application. */
export class DockerPlatform extends pulumi.ComponentResource {
  readonly url: pulumi.Output<string>;
  readonly images: pulumi.Output<Digests>;
  readonly release: pulumi.Output<string>;

  constructor(name: string, inputs: Inputs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:docker:Platform", name, {}, opts);
    const { settings, stack, machine } = inputs;
    const child = { parent: this };
    const repository = localRepository(settings);

    const network = new docker.Network("spatialforge", { driver: "bridge" }, child);
    const place = { network, stack };
    const store = registry(place, settings.registryPort, child);
    const digests = settings.release
      ? earlierImages(repository, settings.release)
      : builtImages(inputs, repository, { ...child, dependsOn: [store] });
    const broker = redis(place, child);
    const bucket = objects(place, child);
    const entry = proxy(place, settings.port, child);
    const models = new docker.Volume("models", {}, child);
    const secrets = {
      API_KEY_SECRET: password("api-key-secret", child),
      ADMIN_API_KEY: password("admin-api-key", child),
    };

    const app = ROLES.map((role) => {
      const gpu = machine.gpu && role.onGpu;
      return service(
        role.name,
        {
          ...place,
          image: pulumi.output(digests).apply((all) => all[gpu ? role.gpuImage : "cpu"]),
          command: [role.name],
          env: {
            ...settings.env,
            ...broker.env,
            ...bucket.env,
            ...secrets,
            HEALTH_RESTART_AFTER_S: settings.env.HEALTH_RESTART_AFTER_S ?? String(RESTART_AFTER_S),
            ...(gpu ? {} : { DEVICE: "cpu" }),
          },
          runtime: gpu ? "nvidia" : undefined,
          memory: role.memory,
          stopTimeout: role.stopTimeout,
          volumes: { "/models": models.name },
        },
        // Two beats at once would run every schedule twice.
        { ...child, dependsOn: [broker.container, bucket.container], deleteBeforeReplace: role.name === "beat" },
      );
    });

    const proved = [store, broker.container, bucket.container, entry, ...app];
    const names = ["registry", "redis", "objects", "proxy", ...ROLES.map((role) => role.name)];
    this.images = pulumi.output(digests);
    this.release = proveRelease({
      repository,
      origin: settings.release ? settings.release.split("-")[0] : stage(inputs.app, IMAGES[0]).hash,
      images: this.images,
      containers: pulumi
        .all(proved.map((one) => one.id))
        .apply((ids) => Object.fromEntries(ids.map((id, i) => [names[i], id]))),
      timeout: settings.healthTimeout,
    });
    this.url = this.release.apply(() => `http://127.0.0.1:${settings.port}`);
    this.registerOutputs({ url: this.url, images: this.images, release: this.release });
  }
}

function builtImages(inputs: Inputs, repository: string, opts: pulumi.ResourceOptions): pulumi.Output<Digests> {
  const built = IMAGES.map(
    (spec) => appImage(spec, { inputs, repository, platform: inputs.machine.platform }, opts).repoDigest,
  );
  return pulumi
    .all(built)
    .apply((list) => Object.fromEntries(list.map((digest, i) => [IMAGES[i].name, digest])) as Digests);
}

function earlierImages(repository: string, release: string): pulumi.Output<Digests> {
  const found = IMAGES.map(async ({ name }) => [
    name,
    `${repository}@${await digestOf(repository, releaseTag(release, name))}`,
  ]);
  return pulumi.output(Promise.all(found).then((list) => Object.fromEntries(list) as Digests));
}
