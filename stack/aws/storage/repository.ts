import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { Credentials } from "../../registry/http";
import type { ImageRepository } from "../../registry/registry";
import { UNRELEASED_DAYS } from "../../registry/retention";

export interface RepositoryArgs {
  /** Name in ECR. */
  name: string;
  /** Refuses to delete or replace the repository. */
  deletionProtection: boolean;
  /** Encrypts the images. Default: a key that AWS owns. A change creates a new, empty repository. */
  kmsKeyArn?: pulumi.Input<string>;
}

/**
 * The ECR repository of the stack. All images are in one repository, because repositories do not share layers. Release tags are immutable;
 * the tags of the build cache are not.
 */
export class Repository extends pulumi.ComponentResource implements ImageRepository {
  readonly url: pulumi.Output<string>;
  readonly arn: pulumi.Output<string>;
  /** They are valid for 12 hours, which is longer than an update takes. */
  readonly credentials: pulumi.Output<Credentials>;
  /** The lifecycle policy does. */
  readonly deletesUntagged = true;

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
        forceDelete: true, // otherwise ECR keeps a repository with images, and `pulumi destroy` fails
      },
      // The name is fixed, so the old repository must be deleted first.
      { ...child, protect: args.deletionProtection, deleteBeforeReplace: true },
    );
    new aws.ecr.LifecyclePolicy(
      name,
      { repository: repository.name, policy: JSON.stringify({ rules: lifecycleRules() }) },
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
 * Rules of the lifecycle policy. The only rule selects images without a tag: earlier images of the build cache. ECR expires images by push time,
 * and a new tag does not renew it, so a rule for tags could expire an image that runs (https://github.com/aws/containers-roadmap/issues/2746).
 * The program removes releases itself: stack/registry/retention.ts.
 * https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
 */
export const lifecycleRules = () => [
  {
    rulePriority: 1,
    description: "remove images without a tag",
    selection: {
      tagStatus: "untagged",
      countType: "sinceImagePushed",
      countUnit: "days",
      countNumber: UNRELEASED_DAYS,
    },
    action: { type: "expire" },
  },
];
