/** An image of the service: a target of `images/Dockerfile`. */
export interface ImageSpec {
  name: "api" | "worker" | "cpu";
  /** Which base of the settings it stands on. */
  base: "gpu" | "cpu";
  /** Groups of the lock that it reads, in the order of their layers. */
  groups: readonly ("heavy" | "light" | "web")[];
  /** Whether it serves the app's static files. */
  serves: boolean;
}

/** The three images. Each is built from a context of its own, with what this table says and nothing else. */
export const IMAGES: readonly ImageSpec[] = [
  { name: "api", base: "gpu", groups: ["heavy", "light", "web"], serves: true },
  { name: "worker", base: "gpu", groups: ["heavy", "light"], serves: false },
  { name: "cpu", base: "cpu", groups: ["heavy", "light", "web"], serves: true },
];

export type ImageName = ImageSpec["name"];
