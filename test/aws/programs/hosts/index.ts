import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { Cluster } from "../../../../stack/aws/compute/cluster";
import { awsContext } from "../../../../stack/aws/context";

const config = new pulumi.Config();
const name = "hosts";
const vpc = new aws.ec2.Vpc(name, { cidrBlock: "10.40.0.0/16" });
const subnet = new aws.ec2.Subnet(name, { vpcId: vpc.id, cidrBlock: "10.40.0.0/20" });
const securityGroup = new aws.ec2.SecurityGroup(name, { vpcId: vpc.id });

const cluster = new Cluster("cluster", {
  ...awsContext({}),
  name,
  subnetIds: [subnet.id],
  securityGroupId: securityGroup.id,
  instanceTypes: ["g5.xlarge"],
  maxInstances: 2,
  onDemandBaseCapacity: 0,
  spot: false,
  volumeSize: 100,
  amiName: config.require("amiName"),
  ecsExec: false,
  logRetentionDays: 30,
  replacementTimeout: 60,
  dependencies: [],
});

const taskDefinition = new aws.ecs.TaskDefinition(name, {
  family: name,
  requiresCompatibilities: ["EC2"],
  cpu: "256",
  memory: "512",
  containerDefinitions: JSON.stringify([
    {
      name,
      image: config.require("image"),
      command: ["sh", "-c", "trap 'exit 0' TERM; sleep 600 & wait $!"],
      environment: [{ name: "VERSION", value: config.require("version") }],
      resourceRequirements: [{ type: "GPU", value: "1" }],
    },
  ]),
});

new aws.ecs.Service(
  name,
  {
    name,
    cluster: cluster.cluster.arn,
    taskDefinition: taskDefinition.arn,
    desiredCount: 1,
    capacityProviderStrategies: [{ capacityProvider: cluster.gpuCapacityProvider, weight: 1 }],
  },
  { dependsOn: cluster.capacityProviders },
);

export const { amiId } = cluster;
