import type * as pulumi from "@pulumi/pulumi";
import type { AppSource } from "./app/source";
import type { Settings } from "./config/schema";
import type { ImageDigests } from "./images/catalog";
import type { Promotion } from "./images/promotion";
import type { Gpu } from "./preflight/gpu";
import type { Engine } from "./preflight/engine";

/** Environment variables of the application, by name. */
export interface Environment {
  plain: Record<string, string>;
  secret: Record<string, pulumi.Output<string>>;
}

/** Everything that a platform is created from. */
export interface PlatformArgs {
  stack: string;
  settings: Settings;
  environment: Environment;
  /** Credentials for the package indexes, in the format of a .netrc file. A secret. */
  netrc: pulumi.Output<string>;
  /** Token for gated models on the Hugging Face hub. A secret. */
  huggingFaceToken?: pulumi.Output<string>;
  engine: Pick<Engine, "platform">;
  /** Whether services on this machine can use a GPU. */
  gpu: Gpu;
  app: AppSource;
  /** Availability Zones of the subnets, on the platform aws. Otherwise empty. */
  availabilityZones: readonly string[];
  /** The release of another stack that is deployed. Undefined: images are built, or the settings name a release. */
  promotion?: Promotion;
}

/** Where the application runs. A platform builds the images, runs a service for each role, and verifies that all services are healthy. */
export interface Platform extends pulumi.ComponentResource {
  /** The outputs of the stack. A platform can add its own. */
  readonly outputs: {
    /** URL of the API, after all services are verified. */
    url: pulumi.Output<string>;
    /** The images of the release, each as `repository@sha256:...`. */
    images: pulumi.Output<ImageDigests>;
    /** ID of the release. The output rejects with the reason if a service does not become healthy. */
    release: pulumi.Output<string>;
    [name: string]: pulumi.Output<unknown>;
  };
}

/** Class of a platform. The setting `platform` selects one. */
export type PlatformConstructor = new (name: string, args: PlatformArgs) => Platform;
