import { quotaAmount, quotaName, quotaRequest, QUOTAS, type Quota } from "../../compute/quotas";

/** Why Amazon EC2 Auto Scaling could not launch an instance. */
export interface LaunchFailure {
  /** A clause without a period. */
  cause: string;
  /** What to do: sentences without the last period. */
  remedy: string;
}

interface Row {
  /** Matches the status message of a scaling activity. Its first group is the argument of `cause`. */
  pattern: RegExp;
  cause: string | ((group?: string) => string);
  remedy: string;
}

const quota = (one: Quota, pattern: RegExp): Row => ({
  pattern,
  cause: (value) => `${quotaName(one)} is too low${value === undefined ? "" : `: it is ${quotaAmount(one, value)}`}`,
  remedy: `Request an increase with ${quotaRequest(one)}`,
});

const MORE_CAPACITY =
  "Auto Scaling tries again. Add types to aws.gpu.instanceTypes, or zones with aws.network.availabilityZones";

/**
 * The status messages of scaling activities. The first row that matches applies.
 * Sources: Troubleshoot Amazon EC2 Auto Scaling, "EC2 instance launch failures",
 * https://docs.aws.amazon.com/autoscaling/ec2/userguide/ts-as-instancelaunchfailure.html, and "Capacity limits",
 * https://docs.aws.amazon.com/autoscaling/ec2/userguide/ts-as-capacity.html; error codes for the Amazon EC2 API,
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html. Messages as users report them:
 * https://github.com/kubernetes/kops/pull/15778 (vCPU limit), https://github.com/aws/aws-parallelcluster/issues/1860 (spot limit),
 * https://github.com/cortexlabs/cortex/issues/1258 and https://github.com/mludvig/aws-ethereum-miner/issues/23 (spot capacity),
 * https://github.com/dspace-group/dspace-reference-architecture-aws/issues/100 (zone), https://github.com/kubernetes/kops/issues/11545 (KMS).
 */
const FAILURES: readonly Row[] = [
  quota(QUOTAS.onDemandGpu, /VcpuLimitExceeded|more vCPU capacity than your current vCPU limit/),
  quota(QUOTAS.spotGpu, /MaxSpotInstanceCountExceeded|Max spot instance count exceeded/),
  quota(QUOTAS.gp3Storage, /VolumeLimitExceeded|maximum volume storage/),
  {
    pattern: /not supported in your requested Availability Zone|Availability Zone is no longer supported/,
    cause: "the zone does not offer the instance type",
    remedy: "Add types to aws.gpu.instanceTypes that all zones of the stack offer",
  },
  {
    pattern: /UnfulfillableCapacity|no Spot capacity available/,
    cause: "AWS has no spot capacity",
    remedy: `${MORE_CAPACITY}, or use on-demand instances with aws.gpu.onDemandBaseCapacity`,
  },
  {
    pattern: /InsufficientInstanceCapacity|do not have sufficient \S+ capacity|InsufficientCapacity/,
    cause: "AWS has no capacity of the instance type",
    remedy: MORE_CAPACITY,
  },
  {
    pattern: /Client\.(?:InternalError|InvalidKMSKey)|\bKMS\b|InvalidKMSKey/,
    cause: "the volume of the instance could not be encrypted",
    remedy:
      "Allow the service-linked role AWSServiceRoleForAutoScaling to use the default KMS key for EBS encryption of the account (`aws ec2 get-ebs-default-kms-key-id`)",
  },
  {
    pattern: /service-linked role for EC2 Spot|ServiceLinkedRoleCreationNotPermitted/,
    cause: "the service-linked role for spot instances does not exist",
    remedy: "Run `aws iam create-service-linked-role --aws-service-name spot.amazonaws.com`",
  },
  {
    pattern: /not eligible for Free Tier/,
    cause: "the account has the Free plan, which has no GPU instances",
    remedy: "Upgrade the account to the Paid plan",
  },
  {
    pattern: /PendingVerification|OptInRequired|Blocked\b|not subscribed to this service/,
    cause: "AWS has not activated the account for this region yet",
    remedy: "Wait, or contact AWS Support",
  },
  {
    pattern: /InvalidAMIID|The image id '\S+' (?:does not exist|is not valid)/,
    cause: "the AMI of the launch template does not exist in this region",
    remedy: "Run `npm run lock -- --ami`, or set aws.gpu.amiName to another AMI",
  },
  {
    pattern: /InsufficientFreeAddressesInSubnet|insufficient free addresses/i,
    cause: "a subnet has no free IP addresses",
    remedy: "Use a larger aws.network.cidrBlock, or reduce the number of tasks",
  },
  {
    pattern: /fully-formed launch template|launch template/i,
    cause: "the launch template of the GPU instances is not valid",
    remedy: "Run `pulumi refresh` and `pulumi up`",
  },
  {
    pattern: /Server\.InternalError|InternalError/,
    cause: "AWS had an internal error",
    remedy: "Auto Scaling tries again",
  },
];

/** Explains the status message of a scaling activity that failed. An unknown message is its own cause. */
export function launchFailure(message: string): LaunchFailure {
  const row = FAILURES.find(({ pattern }) => pattern.test(message));
  if (!row) return { cause: message.replace(/[.\s]+$/, ""), remedy: "See the scaling activities of the group" };
  const value = /vCPU limit of (\d+)/.exec(message)?.[1];
  return { cause: typeof row.cause === "string" ? row.cause : row.cause(value), remedy: row.remedy };
}
