import { meets, type Rule } from "../rule";
import { at, isAtLeast, isOneOf, isSet, list, parsed, UNKNOWN } from "../values";

/** Tags that each resource has, by which costs are allocated. */
export const TAGS = ["Project", "Environment"] as const;

const hasTags = (tags: unknown): boolean => tags === UNKNOWN || TAGS.every((tag) => isSet(at(tags, tag)));

const REMEDY = `${TAGS.join(" and ")}: set aws:defaultTags`;

const IMDSV2 = "instance metadata is available without a session token: set metadataOptions.httpTokens to required";

/** Types whose instances have a metadata service. */
const requiresToken = ({ metadataOptions }: Readonly<Record<string, unknown>>): boolean =>
  isOneOf(at(metadataOptions, "httpTokens"), "required");

export const OPERATIONS: readonly Rule[] = [
  {
    name: "imdsv2",
    description: "Instances require IMDSv2.",
    check: meets({
      "aws:ec2/launchTemplate:LaunchTemplate": [[requiresToken, IMDSV2]],
      "aws:ec2/instance:Instance": [[requiresToken, IMDSV2]],
    }),
  },
  {
    name: "log-retention",
    description: "Logs expire.",
    check: meets({
      "aws:cloudwatch/logGroup:LogGroup": [
        [({ retentionInDays }) => isAtLeast(retentionInDays, 1), "the logs never expire: set retentionInDays"],
      ],
    }),
  },
  {
    name: "tags",
    description: `Resources have the tags ${TAGS.join(" and ")}.`,
    check: meets({
      // The AWS provider adds them to all other resources.
      "pulumi:providers:aws": [
        [
          ({ defaultTags }) => hasTags(at(parsed(defaultTags), "tags")),
          `the AWS provider has no default tags ${REMEDY}`,
        ],
      ],
      "aws:autoscaling/group:Group": [
        [
          ({ tags }) =>
            tags === UNKNOWN ||
            TAGS.every((tag) =>
              list(tags).some((one) => isOneOf(at(one, "key"), tag) && isOneOf(at(one, "propagateAtLaunch"), true)),
            ),
          `instances do not get the tags ${REMEDY}, and propagateAtLaunch`,
        ],
      ],
      "aws:ec2/launchTemplate:LaunchTemplate": [
        [
          ({ tagSpecifications }) =>
            tagSpecifications === UNKNOWN ||
            ["instance", "volume"].every((type) =>
              list(tagSpecifications).some((one) => isOneOf(at(one, "resourceType"), type) && hasTags(at(one, "tags"))),
            ),
          `instances and volumes do not get the tags ${REMEDY}, and tagSpecifications`,
        ],
      ],
    }),
  },
];
