import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { images as imagesOf } from "../images/source";
import type { ImageName } from "../images/table";
import { password } from "../password";
import type { Digests } from "../release/record";
import { localRepository } from "../release/registry";
import type { Inputs } from "../settings/read";
import { objects, proxy, redis, registry } from "./backing";
import { proveRelease } from "./prove";
import { service } from "./service";

interface Role {
  name: "api" | "worker" | "beat";
  /** Its image where there is a GPU; elsewhere it is the CPU image. */
  image: ImageName;
  /** MB */
  memory: number;
  /** Seconds that it has to end after SIGTERM. */
  stopTimeout: number;
}

/** The roles of the application: what runs each, and how much of the machine it may use. */
const ROLES: readonly Role[] = [
  { name: "api", image: "api", memory: 4096, stopTimeout: 10 },
  // A worker finishes its job before it ends.
  { name: "worker", image: "worker", memory: 8192, stopTimeout: 600 },
  { name: "beat", image: "cpu", memory: 512, stopTimeout: 10 },
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
    const { settings, secretEnv, stack, machine } = inputs;
    const child = { parent: this };
    const repository = localRepository(settings);

    const network = new docker.Network("spatialforge", { driver: "bridge" }, child);
    const place = { network, stack };
    const store = registry(place, settings.registryPort, child);
    const { origin, images } = imagesOf(inputs, { repository }, { ...child, dependsOn: [store] });
    const broker = redis(place, child);
    const bucket = objects(place, child);
    const entry = proxy(place, settings.port, child);
    const models = new docker.Volume("models", {}, child);
    const secrets = {
      API_KEY_SECRET: password("api-key-secret", child),
      ADMIN_API_KEY: password("admin-api-key", child),
    };

    const marked = (value: string) => (secretEnv ? pulumi.secret(value) : value);
    const given = Object.fromEntries(Object.entries(settings.env).map(([key, value]) => [key, marked(value)]));

    const app = ROLES.map((role) => {
      const image = machine.gpu ? role.image : "cpu";
      return service(
        role.name,
        {
          ...place,
          image: images.apply((all) => all[image]),
          command: [role.name],
          env: {
            HEALTH_RESTART_AFTER_S: String(RESTART_AFTER_S),
            ...given,
            ...broker.env,
            ...bucket.env,
            ...secrets,
          },
          runtime: image === "cpu" ? undefined : "nvidia",
          memory: role.memory,
          stopTimeout: role.stopTimeout,
          volumes: { "/models": models.name },
        },
        // Two beats at once would run every schedule twice.
        { ...child, dependsOn: [broker.container, bucket.container], deleteBeforeReplace: role.name === "beat" },
      );
    });

    this.images = images;
    this.release = proveRelease({
      repository,
      origin,
      images,
      containers: pulumi.all({
        registry: store.id,
        redis: broker.container.id,
        objects: bucket.container.id,
        proxy: entry.id,
        ...Object.fromEntries(app.map((container, i) => [ROLES[i].name, container.id])),
      }),
      timeout: settings.healthTimeout,
    });
    this.url = this.release.apply(() => `http://127.0.0.1:${settings.port}`);
    this.registerOutputs({ images: this.images });
  }
}
