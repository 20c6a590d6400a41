import * as pulumi from "@pulumi/pulumi";
import { isKnown } from "../pulumi/internals";
import { userError } from "../pulumi/user-error";
import { PREVIEW_DIGEST } from "./catalog";

/**
 * The image of a task definition. In a preview, the digest of an image that will be built is not known, and Pulumi would show the whole task
 * definition as removed. With {@link PREVIEW_DIGEST} in its place, all other values stay known, for people and for policies.
 * @param image - `repository@sha256:...`
 * @param repositoryUrl - `HOST/NAME` of the repository that the image will be in
 * @returns rejects in an update if the image has the placeholder: it can never be deployed
 */
export function previewableImage(
  image: pulumi.Input<string>,
  repositoryUrl: pulumi.Input<string>,
): pulumi.Output<string> {
  const output = pulumi.output(image);
  if (!pulumi.runtime.isDryRun()) return output.apply(deployableImage);
  const placeholder = pulumi.interpolate`${repositoryUrl}@${PREVIEW_DIGEST}`;
  return pulumi.output(isKnown(output)).apply((known) => (known ? output : placeholder));
}

/** @throws RunError if the image is the placeholder of a preview */
export function deployableImage(image: string): string {
  if (!image.endsWith(PREVIEW_DIGEST)) return image;
  throw userError(`${image} is the placeholder of a preview, not an image: run \`pulumi up\` again`);
}
