import { charge, usage, type Charge, type ChargeRule } from "./charge";
import { AUTO_SCALING_GROUP, gpuInstanceCharges } from "./gpu-instances";
import {
  input,
  listInput,
  numberInput,
  textInput,
  UnknownInput,
  type CostResource,
  type StackResources,
} from "./resource";
import { SERVICE, taskCount, taskSize } from "./tasks";

/**
 * Alarms that AWS creates for a target tracking policy. Source: the examples in
 * https://docs.aws.amazon.com/cli/latest/reference/application-autoscaling/put-scaling-policy.html
 */
const ALARMS_PER_TARGET_TRACKING = 2;

/** What AWS bills for each type of resource. A type that is neither here nor in {@link FREE_TYPES} has no known price. */
export const RULES: Readonly<Record<string, ChargeRule>> = {
  [AUTO_SCALING_GROUP]: gpuInstanceCharges,
  [SERVICE]: serviceCharges,
  "aws:appautoscaling/policy:Policy": (policy) =>
    input(policy, "policyType") === "TargetTrackingScaling" ? [charge("alarm", ALARMS_PER_TARGET_TRACKING)] : [],
  "aws:cloudwatch/dashboard:Dashboard": () => [charge("dashboard", 1)],
  "aws:cloudwatch/logGroup:LogGroup": () => usage("log-ingestion", "log-storage"),
  "aws:cloudwatch/metricAlarm:MetricAlarm": alarmCharges,
  "aws:ec2/eip:Eip": () => [charge("public-ipv4", 1)],
  "aws:ec2/flowLog:FlowLog": () => usage("vended-logs"),
  "aws:ec2/natGateway:NatGateway": () => [charge("nat-gateway", 1), ...usage("nat-gateway-data")],
  "aws:ec2/vpcEndpoint:VpcEndpoint": endpointCharges,
  "aws:ecr/repository:Repository": () => usage("ecr-storage"),
  // The capacity provider scales by target tracking: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cluster-auto-scaling.html
  "aws:ecs/capacityProvider:CapacityProvider": (provider) =>
    input(provider, "autoScalingGroupProvider.managedScaling.status") === "ENABLED"
      ? [charge("alarm", ALARMS_PER_TARGET_TRACKING)]
      : [],
  "aws:ecs/cluster:Cluster": () => [
    { what: "CloudWatch metrics of Container Insights, beat, and GPU tasks", price: "metric" },
  ],
  "aws:efs/fileSystem:FileSystem": () => usage("efs-storage", "efs-reads", "efs-writes"),
  "aws:elasticache/replicationGroup:ReplicationGroup": redisCharges,
  "aws:kms/key:Key": () => [charge("kms-key", 1), ...usage("kms-requests")],
  "aws:lb/loadBalancer:LoadBalancer": loadBalancerCharges,
  "aws:s3/bucket:Bucket": () => usage("s3-storage", "s3-writes", "s3-reads"),
  "aws:secretsmanager/secret:Secret": () => [charge("secret", 1), ...usage("secret-requests")],
  "aws:sns/topicSubscription:TopicSubscription": () => usage("email"),
  "aws:wafv2/webAcl:WebAcl": (acl) => [
    charge("web-acl", 1),
    charge("web-acl-rule", listInput(acl, "rules").length),
    ...usage("web-acl-requests"),
  ],
  "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": () => usage("vended-logs"),
};

/** Tasks on instances are billed with the instances. */
function serviceCharges(service: CostResource, stack: StackResources): Charge[] {
  const { fargate, cpu, memory } = taskSize(service, stack);
  if (!fargate) return [];
  const count = taskCount(service, stack);
  const each = (size: number) => ({ atRest: count.atRest * size, atFullScale: count.atFullScale * size });
  return [
    charge("fargate-vcpu", each(cpu / 1024), service.name),
    charge("fargate-memory", each(memory / 1024), service.name),
  ];
}

function alarmCharges(alarm: CostResource): Charge[] {
  // An alarm with metric math is billed for each of its metrics, and one with a short period has another price.
  if (listInput(alarm, "metricQueries").length) throw new UnknownInput("the number of its metrics");
  if (numberInput(alarm, "period") < 60) throw new UnknownInput("the price of a high-resolution alarm");
  return [charge("alarm", 1)];
}

/** Gateway endpoints have no cost. */
function endpointCharges(endpoint: CostResource): Charge[] {
  const type = input(endpoint, "vpcEndpointType") ?? "Gateway";
  if (type === "Gateway") return [];
  if (type !== "Interface") throw new UnknownInput("the price of its type");
  return [charge("vpc-endpoint", listInput(endpoint, "subnetIds", 1).length), ...usage("vpc-endpoint-data")];
}

/** A load balancer that faces the internet has a public address in each of its subnets. */
function loadBalancerCharges(loadBalancer: CostResource): Charge[] {
  if (input(loadBalancer, "loadBalancerType") !== "application") throw new UnknownInput("the price of its type");
  const addresses = input(loadBalancer, "internal") === true ? 0 : listInput(loadBalancer, "subnets", 1).length;
  return [charge("load-balancer", 1), charge("public-ipv4", addresses), ...usage("load-balancer-capacity")];
}

function redisCharges(group: CostResource): Charge[] {
  if (textInput(group, "engine") !== "valkey") throw new UnknownInput("the price of its engine");
  const nodeType = textInput(group, "nodeType");
  const nodes = charge(`redis-node:${nodeType}`, numberInput(group, "numCacheClusters"), nodeType);
  return [nodes, ...(numberInput(group, "snapshotRetentionLimit", 0) > 1 ? usage("redis-snapshots") : [])];
}

/** Resources of these providers are not billed, except images, which are billed with their repository. */
const FREE_PROVIDERS = ["docker", "pulumi", "random", "spatialforge"];

/** Types of resources without a price of their own. */
export const FREE_TYPES: ReadonlySet<string> = new Set([
  "aws:acm/certificate:Certificate",
  "aws:acm/certificateValidation:CertificateValidation",
  "aws:appautoscaling/target:Target",
  "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
  "aws:ec2/internetGateway:InternetGateway",
  "aws:ec2/launchTemplate:LaunchTemplate",
  "aws:ec2/route:Route",
  "aws:ec2/routeTable:RouteTable",
  "aws:ec2/routeTableAssociation:RouteTableAssociation",
  "aws:ec2/securityGroup:SecurityGroup",
  "aws:ec2/subnet:Subnet",
  "aws:ec2/vpc:Vpc",
  "aws:ecr/lifecyclePolicy:LifecyclePolicy",
  "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders",
  "aws:ecs/taskDefinition:TaskDefinition",
  "aws:efs/accessPoint:AccessPoint",
  "aws:efs/fileSystemPolicy:FileSystemPolicy",
  "aws:efs/mountTarget:MountTarget",
  "aws:elasticache/parameterGroup:ParameterGroup",
  "aws:elasticache/subnetGroup:SubnetGroup",
  "aws:iam/accessKey:AccessKey",
  "aws:iam/instanceProfile:InstanceProfile",
  "aws:iam/role:Role",
  "aws:iam/rolePolicy:RolePolicy",
  "aws:iam/user:User",
  "aws:iam/userPolicy:UserPolicy",
  "aws:kms/alias:Alias",
  "aws:lb/listener:Listener",
  "aws:lb/listenerRule:ListenerRule",
  "aws:lb/targetGroup:TargetGroup",
  "aws:route53/record:Record", // queries are billed with the hosted zone, which is not part of the stack
  "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration",
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
  "aws:s3/bucketPolicy:BucketPolicy",
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
  "aws:s3/bucketVersioning:BucketVersioning",
  "aws:secretsmanager/secretVersion:SecretVersion",
  "aws:sns/topic:Topic",
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
  "aws:wafv2/webAclAssociation:WebAclAssociation",
]);

/** Whether a type of resources has no price of its own. */
export const isFree = (type: string): boolean => FREE_TYPES.has(type) || FREE_PROVIDERS.includes(type.split(":")[0]);
