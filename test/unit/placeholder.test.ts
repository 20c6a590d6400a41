import * as pulumi from "@pulumi/pulumi";
import { afterEach, expect, it, vi } from "vitest";
import { PREVIEW_DIGEST } from "../../stack/images/catalog";
import { deployableImage, previewableImage } from "../../stack/images/placeholder";
import "../../stack/startup";

const REPOSITORY = "registry.example/sf";
const IMAGE = `${REPOSITORY}@sha256:${"1".repeat(64)}`;
const dryRun = (value: boolean) => vi.spyOn(pulumi.runtime, "isDryRun").mockReturnValue(value);
const valueOf = (output: pulumi.Output<string>) =>
  new Promise((resolve) => {
    output.apply(resolve);
  });

/** An output that Pulumi does not know in a preview. */
const unknown = () =>
  new (pulumi.Output as unknown as new (...args: unknown[]) => pulumi.Output<string>)(
    new Set(),
    Promise.resolve(undefined),
    Promise.resolve(false),
    Promise.resolve(false),
    Promise.resolve(new Set()),
  );

afterEach(() => vi.restoreAllMocks());

it("a preview takes the digest of an image that does not change", async () => {
  dryRun(true);
  expect(await valueOf(previewableImage(pulumi.output(IMAGE), REPOSITORY))).toBe(IMAGE);
});

it("a preview takes the placeholder for an image that will be built", async () => {
  dryRun(true);
  expect(await valueOf(previewableImage(unknown(), REPOSITORY))).toBe(`${REPOSITORY}@${PREVIEW_DIGEST}`);
});

it("an update takes the digest, and never the placeholder", async () => {
  dryRun(false);
  expect(await valueOf(previewableImage(pulumi.output(IMAGE), REPOSITORY))).toBe(IMAGE);
  expect(() => deployableImage(`${REPOSITORY}@${PREVIEW_DIGEST}`)).toThrow(/placeholder of a preview, not an image/);
});
