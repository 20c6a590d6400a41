import type { AwsSettings } from "./aws-schema";
import { capacityProblems } from "./capacity";
import { contains, overlaps, parseCidrBlock } from "./cidr";
import { fargateProblem, stopTimeoutProblem } from "./fargate";
import { imageScanProblems } from "./image-scan";
import { pathProblem } from "./path-patterns";
import type { Problem } from "./problem";
import { stackNameProblems } from "./physical-names";
import { serviceSpecs, type ServiceSpec } from "./services";
import { DEFAULT_SHARED_MEMORY_MIB } from "./shared-memory";

/**
 * Problems of the platform aws that the schema cannot express: settings that depend on each other or on the stack, and the name of the
 * stack.
 */
export function awsProblems(aws: AwsSettings, project: string, stack: string): Problem[] {
  const problems = [
    ...networkProblems(aws),
    ...loadBalancerProblems(aws, stack),
    ...serviceProblems(aws),
    ...capacityProblems(aws),
    ...accessKeyProblems(aws),
    ...imageScanProblems(aws.imageScan),
  ];
  return [
    ...stackNameProblems(project, stack),
    ...problems.map(({ key, ...rest }) => ({ key: `aws.${key}`, ...rest })),
  ];
}

const PRIVATE_BLOCKS = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];
const INVALID_BLOCK = "invalid CIDR block: host bits must be zero, as in 10.40.0.0/16";

function networkProblems({ network }: AwsSettings): Problem[] {
  const { cidrBlock, reservedCidrBlocks } = network;
  const problem = (remedy: string): Problem => ({ key: "network.cidrBlock", value: cidrBlock, remedy });
  const block = parseCidrBlock(cidrBlock);
  if (!block) return [problem(INVALID_BLOCK)];
  // A /16 is the maximum of AWS. In a VPC smaller than a /20, a subnet (a sixteenth of the VPC) has too few addresses for the tasks.
  if (block.prefix < 16) return [problem("the VPC is too large: AWS allows a /16 at most")];
  if (block.prefix > 20)
    return [problem("the VPC is too small: each subnet gets a sixteenth of it, so use a /20 or larger")];
  if (!PRIVATE_BLOCKS.some((privateBlock) => contains(privateBlock, cidrBlock))) {
    return [problem(`the CIDR block is not private: use a block in one of ${PRIVATE_BLOCKS.join(", ")}`)];
  }
  return reservedCidrBlocks.flatMap((reserved, index) => {
    if (!parseCidrBlock(reserved)) {
      return [{ key: `network.reservedCidrBlocks.${index}`, value: reserved, remedy: INVALID_BLOCK }];
    }
    if (!overlaps(reserved, cidrBlock)) return [];
    return [problem(`it overlaps ${reserved} (aws.network.reservedCidrBlocks): use another CIDR block for the VPC`)];
  });
}

function loadBalancerProblems({ loadBalancer }: AwsSettings, stack: string): Problem[] {
  const { certificateArn, domainName, hostedZoneId, allowHttp, publicPaths = [] } = loadBalancer;
  const problems: Problem[] = publicPaths.flatMap((path, index) => {
    const remedy = pathProblem(path);
    return remedy ? [{ key: `loadBalancer.publicPaths.${index}`, value: path, remedy }] : [];
  });
  const https = certificateArn || (domainName && hostedZoneId);
  if (hostedZoneId && !domainName) {
    problems.push({
      key: "loadBalancer.hostedZoneId",
      value: hostedZoneId,
      remedy: "a hosted zone requires a domain name: set aws.loadBalancer.domainName to a name in this zone",
    });
  }
  if (domainName && !hostedZoneId && !certificateArn) {
    problems.push({
      key: "loadBalancer.domainName",
      value: domainName,
      remedy:
        "the domain name has no certificate: set aws.loadBalancer.hostedZoneId to request one, or set aws.loadBalancer.certificateArn",
    });
  }
  if (!https && stack === "prod") {
    problems.push({
      key: "loadBalancer.certificateArn",
      remedy:
        "production requires HTTPS: set aws.loadBalancer.certificateArn, or aws.loadBalancer.domainName and aws.loadBalancer.hostedZoneId",
    });
  } else if (!https && !allowHttp && !domainName) {
    problems.push({
      key: "loadBalancer.certificateArn",
      remedy:
        "there is no certificate: set aws.loadBalancer.certificateArn, or aws.loadBalancer.domainName and aws.loadBalancer.hostedZoneId, or set aws.loadBalancer.allowHttp for plain HTTP",
    });
  }
  return problems;
}

function serviceProblems(aws: AwsSettings): Problem[] {
  return serviceSpecs(aws).flatMap((spec): Problem[] => {
    const { name, role, gpu, minTasks, maxTasks, cpu, memory, stopTimeout } = spec;
    if (!role.scaled) return [];
    const problems: Problem[] = [];
    if (minTasks > maxTasks) {
      const remedy = `it is greater than aws.${name}.maxTasks, which is ${maxTasks}: lower it, or raise aws.${name}.maxTasks`;
      problems.push({ key: `${name}.minTasks`, value: String(minTasks), remedy });
    }
    const sharedMemory = sharedMemoryProblem(spec);
    if (sharedMemory) {
      problems.push({ key: `${name}.sharedMemorySize`, value: String(spec.sharedMemorySize), remedy: sharedMemory });
    }
    if (gpu) return problems;
    const size = fargateProblem({ cpu, memory });
    if (size) problems.push({ key: `${name}.memory`, value: String(memory), remedy: size });
    const timeout = stopTimeoutProblem(stopTimeout);
    if (timeout) problems.push({ key: `${name}.stopTimeout`, value: String(stopTimeout), remedy: timeout });
    return problems;
  });
}

/**
 * Source: Amazon ECS task definition parameters for Fargate, "Linux parameters",
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html#container_definition_linuxparameters
 */
function sharedMemoryProblem({ name, role, gpu, memory, sharedMemorySize }: ServiceSpec): string | undefined {
  if (gpu) {
    return sharedMemorySize < memory ? undefined : `it must be less than aws.${name}.memory, which is ${memory}`;
  }
  if (sharedMemorySize === DEFAULT_SHARED_MEMORY_MIB) return undefined;
  const remedy = role.gpu === "none" ? "" : `, or use a GPU instance with aws.${name}.gpu`;
  return `Fargate supports only the default of ${DEFAULT_SHARED_MEMORY_MIB} MiB: remove the setting${remedy}`;
}

function accessKeyProblems({ bucket }: AwsSettings): Problem[] {
  const { accessKeyVersion, deletedAccessKeyVersion } = bucket;
  if (deletedAccessKeyVersion >= accessKeyVersion) {
    return [
      {
        key: "bucket.deletedAccessKeyVersion",
        value: String(deletedAccessKeyVersion),
        remedy: `this would delete the key that tasks use: it must be less than aws.bucket.accessKeyVersion, which is ${accessKeyVersion}`,
      },
    ];
  }
  if (accessKeyVersion - deletedAccessKeyVersion <= 2) return [];
  return [
    {
      key: "bucket.accessKeyVersion",
      value: String(accessKeyVersion),
      remedy: `an IAM user can have at most two access keys: first set aws.bucket.deletedAccessKeyVersion to ${accessKeyVersion - 2} in a separate update`,
    },
  ];
}
