import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { IMAGES } from "../../images/catalog";
import type { Credentials, ImageRepository } from "../../registry/registry";

export interface RepositoryArgs {
  /** Name in ECR. */
  name: string;
  /** Number of releases that are kept. The stack can roll back to each of them. */
  retainedReleases: number;
  /** Encrypts the images. Default: a key that AWS owns. */
  kmsKeyArn?: pulumi.Input<string>;
}

/** Number of days after which an image without a tag is deleted. */
const UNTAGGED_DAYS = 14;

/**
 * The ECR repository of the stack. All images are in one repository, because repositories do not share layers. Release tags are immutable;
 * the tags of the build cache are not.
 */
export class Repository extends pulumi.ComponentResource implements ImageRepository {
  readonly url: pulumi.Output<string>;
  readonly arn: pulumi.Output<string>;
  /** They are valid for 12 hours, which is longer than an update takes. */
  readonly credentials: pulumi.Output<Credentials>;

  constructor(name: string, args: RepositoryArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Repository", name, {}, opts);
    const child = { parent: this };
    const repository = new aws.ecr.Repository(
      name,
      {
        name: args.name,
        imageTagMutability: "IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters: [{ filter: "cache-*", filterType: "WILDCARD" }],
        imageScanningConfiguration: { scanOnPush: true },
        encryptionConfigurations: [
          args.kmsKeyArn ? { encryptionType: "KMS", kmsKey: args.kmsKeyArn } : { encryptionType: "AES256" },
        ],
        forceDelete: true,
      },
      child,
    );
    new aws.ecr.LifecyclePolicy(
      name,
      { repository: repository.name, policy: JSON.stringify({ rules: lifecycleRules(args.retainedReleases) }) },
      child,
    );
    this.url = repository.repositoryUrl;
    this.arn = repository.arn;
    const token = aws.ecr.getAuthorizationTokenOutput({ registryId: repository.registryId }, child);
    this.credentials = pulumi.secret(token.apply(({ userName, password }) => ({ username: userName, password })));
    this.registerOutputs({ url: this.url });
  }
}

/**
 * Rules of the lifecycle policy. An image that matches a rule cannot be expired by a later rule. So the first rule also keeps images that
 * have both a cache tag and a release tag. https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
 */
export function lifecycleRules(retainedReleases: number) {
  const tagged = { tagStatus: "tagged", countType: "imageCountMoreThan" };
  const rules = [
    {
      description: "keep the build cache",
      selection: { ...tagged, tagPatternList: ["cache-*"], countNumber: IMAGES.length },
    },
    {
      description: `keep the newest ${retainedReleases} releases`,
      selection: { ...tagged, tagPatternList: ["release-*"], countNumber: retainedReleases * IMAGES.length },
    },
    {
      description: "remove images that are in no release",
      selection: {
        tagStatus: "untagged",
        countType: "sinceImagePushed",
        countUnit: "days",
        countNumber: UNTAGGED_DAYS,
      },
    },
  ];
  return rules.map((rule, index) => ({
    rulePriority: index + 1,
    ...rule,
    action: { type: "expire" },
  }));
}
