import * as pulumi from "@pulumi/pulumi";
import { stage } from "../app/build-context";
import type { AppSource } from "../app/source";
import { ecrLogin } from "../clients/ecr-login";
import type { Problem } from "../config/problem";
import type { Settings } from "../config/schema";
import { buildInputs } from "../images/build-inputs";
import { AWS_IMAGE_PLATFORM, IMAGES, PREVIEW_DIGEST, type ImageName } from "../images/catalog";
import { digestOfInputs, findRelease, type FoundRelease, type Promotion, type WantedInputs } from "../images/promotion";
import { repositoryName } from "../pulumi/stack-name";
import { Registry } from "../registry/registry";

/**
 * Finds the release of the stack in `promoteFrom` that was built from the inputs of this stack. If the last update deployed a release with
 * these inputs, it is taken again, without a request.
 *
 * In a preview without such a release, the images have the placeholder: a change is previewed before the other stack has built it.
 *
 * @param deployed - what the last update promoted
 */
export async function findPromotion(
  settings: Settings,
  app: AppSource,
  deployed?: Promotion,
): Promise<{ promotion?: Promotion; problems: Problem[] }> {
  const { promoteFrom: from } = settings;
  const wanted = Object.fromEntries(
    IMAGES.map((spec) => {
      const context = stage(app, spec);
      return [spec.name, buildInputs(spec, { settings, app, context, platform: AWS_IMAGE_PLATFORM })];
    }),
  ) as WantedInputs;
  const inputs = digestOfInputs(wanted);
  if (deployed?.from === from && deployed.inputs === inputs) return { promotion: deployed, problems: [] };
  const repository = repositoryName(from);
  const refused = (remedy: string) => ({ problems: [{ key: "promoteFrom", value: from, remedy }] });
  let found: FoundRelease;
  try {
    const { host, ...login } = await ecrLogin();
    found = await findRelease(new Registry(`${host}/${repository}`, login), wanted);
  } catch (error) {
    const { message } = ((error as Error).cause as Error | undefined) ?? (error as Error);
    return refused(
      `the releases in the ECR repository ${repository} cannot be read (${message}): allow ecr:ListImages, ecr:BatchGetImage, and ecr:GetDownloadUrlForLayer on it, or check the connection to ECR`,
    );
  }
  if (found.kind === "found") {
    const { release, images } = found;
    return { promotion: { from, inputs, release, images }, problems: [] };
  }
  if (found.kind === "no release" && pulumi.runtime.isDryRun()) {
    const placeholders = IMAGES.map(({ name }) => [name, PREVIEW_DIGEST]);
    const images = Object.fromEntries(placeholders) as Record<ImageName, string>;
    return {
      promotion: { from, inputs, release: `${app.refSlug ?? inputs.slice(0, 12)}-preview`, images },
      problems: [],
    };
  }
  return refused(remedyOf(found, from, repository));
}

/** Inputs that an error names. */
const NAMED = 8;

function remedyOf(found: Exclude<FoundRelease, { kind: "found" }>, from: string, repository: string): string {
  const deploy = `run \`pulumi up --stack ${from}\` first`;
  if (found.kind === "no repository")
    return `there is no ECR repository ${repository} in this account and region: ${deploy}`;
  if (found.kind === "not verified") {
    return (
      `the release ${found.release} of ${from} has the same build inputs, but its images ${found.images.join(", ")} were not verified: ` +
      `set spatialforge:aws.verifyImages of ${from} to true, and ${deploy}`
    );
  }
  if (!found.newest) return `${from} has no release: ${deploy}`;
  const { different } = found;
  const named =
    different.slice(0, NAMED).join(", ") + (different.length > NAMED ? `, and ${different.length - NAMED} more` : "");
  return (
    `${from} has no release with the build inputs of this stack. From its newest release ${found.newest} these differ: ${named}. ` +
    `Deploy the same version and settings to ${from} first, or build: \`pulumi config rm spatialforge:promoteFrom\``
  );
}
