import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { IMAGES } from "../images/table";
import type { Credentials } from "../release/registry";

export interface RepositoryArgs {
  /** Releases that are kept: as many may be rolled back to. */
  releases: number;
  /** Days after which an image that is no release is removed. */
  days: number;
  /** Key that encrypts the images; default: one of AWS. */
  kmsKeyArn?: pulumi.Input<string>;
}

/**
 * The ECR repository of a stack, for all three images: layers are shared within a repository, not between repositories. A release's tags
 * never move; those of the build cache do.
 */
export class Repository extends pulumi.ComponentResource {
  readonly url: pulumi.Output<string>;
  readonly arn: pulumi.Output<string>;
  /** A login for as long as an update lasts: 12 hours. */
  readonly credentials: pulumi.Output<Credentials>;

  constructor(name: string, args: RepositoryArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Repository", name, {}, opts);
    const child = { parent: this };
    const repository = new aws.ecr.Repository(
      "repository",
      {
        name,
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
      "repository",
      { repository: repository.name, policy: JSON.stringify({ rules: lifecycleRules(args) }) },
      child,
    );
    this.url = repository.repositoryUrl;
    this.arn = repository.arn;
    const token = aws.ecr.getAuthorizationTokenOutput({ registryId: repository.registryId }, child);
    this.credentials = pulumi.secret(token.apply(({ userName, password }) => ({ username: userName, password })));
    this.registerOutputs({ url: this.url });
  }
}

/** The cache images match the first rule, so that the last one leaves them alone. */
export function lifecycleRules({ releases, days }: RepositoryArgs) {
  const selection = { tagStatus: "tagged", countType: "imageCountMoreThan" };
  const rules = [
    {
      description: "keep the build cache",
      selection: { ...selection, tagPatternList: ["cache-*"], countNumber: IMAGES.length },
    },
    {
      description: `keep the newest ${releases} releases`,
      selection: { ...selection, tagPatternList: ["release-*"], countNumber: releases * IMAGES.length },
    },
    {
      description: "remove what is no release",
      selection: { tagStatus: "untagged", countType: "sinceImagePushed", countUnit: "days", countNumber: days },
    },
  ];
  return rules.map((rule, place) => ({
    rulePriority: place + 1,
    description: rule.description,
    selection: rule.selection,
    action: { type: "expire" },
  }));
}
