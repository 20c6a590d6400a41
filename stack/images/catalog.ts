/** An image of the service: a target of `images/Dockerfile`. */
export interface ImageSpec {
  name: "api" | "worker" | "cpu";
  /** Base image: its name in the setting `bases`. */
  base: "gpu" | "cpu";
  /** Dependency groups of the lock that it installs, in the order of their layers. */
  groups: readonly ("cuda" | "torch" | "heavy" | "light" | "web")[];
  /** Whether it contains the static files of the application. */
  servesStaticFiles: boolean;
}

/** The three images. Each build context contains only the files that this table lists. */
export const IMAGES: readonly ImageSpec[] = [
  { name: "api", base: "gpu", groups: ["cuda", "torch", "heavy", "light", "web"], servesStaticFiles: true },
  { name: "worker", base: "gpu", groups: ["cuda", "torch", "heavy", "light"], servesStaticFiles: false },
  { name: "cpu", base: "cpu", groups: ["torch", "heavy", "light", "web"], servesStaticFiles: true },
];

export type ImageName = ImageSpec["name"];

/** The images of a release, each as `repository@sha256:...`. On this machine, a release can have some of the images only. */
export type ImageDigests = Partial<Record<ImageName, string>>;

/** Digest that no image has. In a preview, it takes the place of the digest of an image that is not built yet. */
export const PREVIEW_DIGEST = `sha256:${"0".repeat(64)}`;

/** Platform of the images on AWS: GPU instances and Fargate tasks have x86_64 CPUs. */
export const AWS_IMAGE_PLATFORM = "linux/amd64";
