import type { Problem } from "./problem";

/** Length of the random suffix in the ID of the replication group of Redis. */
export const REDIS_SUFFIX_LENGTH = 6;

/** Names in AWS that contain the name of the stack, and what AWS allows. */
interface PhysicalName {
  /** @param prefix - PROJECT-STACK */
  name: (prefix: string) => string;
  /** Maximum number of characters. */
  maximum: number;
  pattern: RegExp;
  /** The pattern in words. */
  characters: string;
}

const IDENTIFIER = { pattern: /^[\w-]+$/, characters: "letters, digits, hyphens, and underscores" };

/**
 * Sources: the API reference of each service. CreateLoadBalancer, CreateRepository, CreateReplicationGroup, CreateCluster,
 * RegisterTaskDefinition, CreateAutoScalingGroup, PutMetricAlarm, CreateTopic, CreateAlias, CreateWebACL, CreateLogGroup
 */
export const PHYSICAL_NAMES: Readonly<Record<string, PhysicalName>> = {
  "load balancer": {
    name: (prefix) => prefix,
    maximum: 32,
    pattern: /^(?!internal-)[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$/,
    characters: "letters, digits, and hyphens, not a hyphen at the end",
  },
  "ECR repository": {
    name: (prefix) => prefix,
    maximum: 256,
    pattern: /^[a-z0-9]+([._-][a-z0-9]+)*$/,
    characters: "lowercase letters, digits, and single hyphens, underscores, and periods between them",
  },
  "Redis replication group": {
    name: (prefix) => `${prefix}-${"0".repeat(REDIS_SUFFIX_LENGTH)}`,
    maximum: 40,
    pattern: /^[a-zA-Z][a-zA-Z0-9]*(-[a-zA-Z0-9]+)*$/,
    characters: "letters, digits, and single hyphens",
  },
  "ECS cluster": { name: (prefix) => prefix, maximum: 255, ...IDENTIFIER },
  "ECS task definition": { name: (prefix) => `${prefix}-worker-verification`, maximum: 255, ...IDENTIFIER },
  "Auto Scaling group": { name: (prefix) => `${prefix}-gpu`, maximum: 255, ...IDENTIFIER },
  "CloudWatch alarm": { name: (prefix) => `${prefix}-api-deployment-5xx`, maximum: 255, ...IDENTIFIER },
  "SNS topic": { name: (prefix) => `${prefix}-alarms`, maximum: 256, ...IDENTIFIER },
  "web ACL": { name: (prefix) => prefix, maximum: 128, ...IDENTIFIER },
  "KMS alias": {
    name: (prefix) => `alias/${prefix}`,
    maximum: 256,
    pattern: /^alias\/[\w/-]+$/,
    characters: IDENTIFIER.characters,
  },
  "log group": {
    name: (prefix) => `/aws/ecs/containerinsights/${prefix}/performance`,
    maximum: 512,
    pattern: /^[\w./#-]+$/,
    characters: "letters, digits, hyphens, underscores, periods, and slashes",
  },
};

/** Problems of the name of the stack: the names in AWS that contain it would break a limit. */
export function stackNameProblems(project: string, stack: string): Problem[] {
  const prefix = `${project}-${stack}`;
  const reasons = Object.entries(PHYSICAL_NAMES).flatMap(([resource, { name, maximum, pattern, characters }]) => {
    const physical = name(prefix);
    if (physical.length > maximum) {
      return [`the name of the ${resource} would have ${physical.length} characters, and AWS allows ${maximum}`];
    }
    return pattern.test(physical) ? [] : [`the name of the ${resource} can contain only ${characters}`];
  });
  if (!reasons.length) return [];
  const room = Math.min(
    ...Object.values(PHYSICAL_NAMES).map(({ name, maximum }) => maximum - name(`${project}-`).length),
  );
  const remedy = `the stack cannot be called ${stack}: ${reasons.join("; ")}. Create a stack with another name, of at most ${room} lowercase letters, digits, and single hyphens: \`pulumi stack init NAME\``;
  return [{ key: "platform", value: "aws", remedy }];
}
