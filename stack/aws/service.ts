import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

export interface ServiceArgs {
  clusterArn: pulumi.Input<string>;
  /** `repository@sha256:...` */
  image: pulumi.Input<string>;
  repositoryArn: pulumi.Input<string>;
  command: string[];
  /** CPU units, 1024 for one vCPU. */
  cpu: number;
  /** MiB */
  memory: number;
  /** Name of the GPU hosts' capacity provider; none: Fargate, without a GPU. */
  gpu?: pulumi.Input<string>;
  tasks: number;
  /** Whether the old task must end before the new one starts. */
  single?: boolean;
  /** Seconds that it has to end after SIGTERM; on Fargate at most 120. */
  stopTimeout: number;
  env: Record<string, pulumi.Input<string>>;
  /** ARNs in Secrets Manager by the variable that gets the value. */
  secrets: Record<string, pulumi.Input<string>>;
  subnetIds: pulumi.Input<string>[];
  securityGroupId: pulumi.Input<string>;
  /** Target group of the load balancer, and the container's port that it sends to. */
  balanced?: { targetGroupArn: pulumi.Input<string>; port: number };
  /** Days that logs are kept. */
  logDays: number;
}

/** Seconds that a new task's check may fail: a GPU task loads its models first. */
const START_S = 300;

/** A role of the application as an ECS service: roles, log, task definition and the service, with what it needs and no more. */
export class Service extends pulumi.ComponentResource {
  readonly service: aws.ecs.Service;
  readonly taskDefinition: aws.ecs.TaskDefinition;

  constructor(name: string, args: ServiceArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Service", name, {}, opts);
    const child = { parent: this };
    const log = new aws.cloudwatch.LogGroup(name, { retentionInDays: args.logDays }, child);
    const execution = executionRole(name, args, log, child);
    const task = new aws.iam.Role(`${name}-task`, { assumeRolePolicy: FOR_TASKS }, child);
    const onFargate = args.gpu === undefined;
    this.taskDefinition = new aws.ecs.TaskDefinition(
      name,
      {
        family: `${pulumi.getProject()}-${pulumi.getStack()}-${name}`,
        requiresCompatibilities: [onFargate ? "FARGATE" : "EC2"],
        networkMode: "awsvpc",
        runtimePlatform: { cpuArchitecture: "X86_64", operatingSystemFamily: "LINUX" },
        cpu: String(args.cpu),
        memory: String(args.memory),
        executionRoleArn: execution.arn,
        taskRoleArn: task.arn,
        volumes: [{ name: "models" }, { name: "tmp" }],
        containerDefinitions: pulumi.jsonStringify([container(name, args, log)]),
      },
      child,
    );
    this.service = new aws.ecs.Service(
      name,
      {
        name,
        cluster: args.clusterArn,
        taskDefinition: this.taskDefinition.arn,
        desiredCount: args.tasks,
        capacityProviderStrategies: [{ capacityProvider: args.gpu ?? "FARGATE", weight: 1 }],
        networkConfiguration: {
          subnets: args.subnetIds,
          securityGroups: [args.securityGroupId],
          assignPublicIp: false,
        },
        deploymentMinimumHealthyPercent: args.single ? 0 : 100,
        deploymentMaximumPercent: args.single ? 100 : 200,
        availabilityZoneRebalancing: args.single ? "DISABLED" : "ENABLED",
        deploymentCircuitBreaker: { enable: true, rollback: true },
        loadBalancers: args.balanced && [
          { targetGroupArn: args.balanced.targetGroupArn, containerName: name, containerPort: args.balanced.port },
        ],
        healthCheckGracePeriodSeconds: args.balanced && START_S,
        propagateTags: "SERVICE",
        enableEcsManagedTags: true,
      },
      child,
    );
    this.registerOutputs();
  }
}

const FOR_TASKS = aws.iam.assumeRolePolicyForPrincipal({ Service: "ecs-tasks.amazonaws.com" });

/** What ECS itself may do to start a task: pull this stack's images, read these secrets, write this log. */
function executionRole(
  name: string,
  args: ServiceArgs,
  log: aws.cloudwatch.LogGroup,
  child: pulumi.CustomResourceOptions,
) {
  const role = new aws.iam.Role(`${name}-execution`, { assumeRolePolicy: FOR_TASKS }, child);
  const allow = (Action: string[], Resource: unknown) => ({ Effect: "Allow", Action, Resource });
  const policy = pulumi.jsonStringify({
    Version: "2012-10-17",
    Statement: [
      allow(["ecr:GetAuthorizationToken"], "*"), // AWS allows no name here
      allow(["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], args.repositoryArn),
      allow(
        ["secretsmanager:GetSecretValue"],
        sorted(args.secrets).map(([, arn]) => arn),
      ),
      allow(["logs:CreateLogStream", "logs:PutLogEvents"], pulumi.interpolate`${log.arn}:*`),
    ],
  });
  new aws.iam.RolePolicy(`${name}-execution`, { role: role.id, policy }, child);
  return role;
}

/** A container's definition; lists are sorted, so that the same thing never looks like another one. */
function container(name: string, args: ServiceArgs, log: aws.cloudwatch.LogGroup) {
  return {
    name,
    image: args.image,
    essential: true,
    command: args.command,
    environment: sorted(args.env).map(([key, value]) => ({ name: key, value })),
    secrets: sorted(args.secrets).map(([key, valueFrom]) => ({ name: key, valueFrom })),
    resourceRequirements: args.gpu === undefined ? [] : [{ type: "GPU", value: "1" }],
    healthCheck: {
      command: ["CMD", "/opt/venv/bin/python", "/opt/spatialforge/healthcheck.py"],
      interval: 10,
      timeout: 15,
      retries: 3,
      startPeriod: START_S,
    },
    portMappings: args.balanced
      ? [{ containerPort: args.balanced.port, hostPort: args.balanced.port, protocol: "tcp" }]
      : [],
    mountPoints: [
      { sourceVolume: "models", containerPath: "/models", readOnly: false },
      { sourceVolume: "tmp", containerPath: "/tmp", readOnly: false },
    ],
    readonlyRootFilesystem: true,
    linuxParameters: { capabilities: { drop: ["ALL"] }, initProcessEnabled: true },
    stopTimeout: args.stopTimeout,
    logConfiguration: {
      logDriver: "awslogs",
      options: {
        "awslogs-group": log.name,
        "awslogs-region": aws.getRegionOutput().name,
        "awslogs-stream-prefix": name,
      },
    },
    ulimits: [{ name: "nofile", softLimit: 65536, hardLimit: 65536 }],
    systemControls: [],
    volumesFrom: [],
  };
}

function sorted<T>(record: Record<string, T>): [string, T][] {
  return Object.entries(record).sort(([a], [b]) => a.localeCompare(b));
}
