import { ecsClient } from "../../../stack/clients/aws";
import { serviceSpecs } from "../../../stack/config/services";
import { UserError } from "../../operate/command";
import type { OperatedStack } from "../../operate/stack";
import type { Status } from "../model";
import { known, section } from "../section";
import { firing, redisNodes, stackAlarms } from "./alarms";
import { deploymentStatus } from "./deployments";
import { instanceStatus } from "./instances";
import { queueStatus, redisStatus } from "./metrics";
import { roleStatus } from "./roles";
import { readServices } from "./services";
import { waitingTasks } from "./waiting";

/**
 * Reads the state of a stack on AWS. What cannot be read because a permission is missing is `unknown` in the result.
 * @throws UserError if the stack is not deployed, and the error of the first call if AWS cannot be reached or the credentials are invalid.
 */
export async function awsStatus({ name, awsName, settings }: OperatedStack): Promise<Status> {
  const { client } = await ecsClient();
  const region = await client.config.region();
  const cluster = await section(readCluster(name, awsName, region));
  const specs = serviceSpecs(settings.aws);
  const services = readServices(awsName, specs);
  const alarms = Promise.resolve(cluster).then((one) => stackAlarms(known(one), awsName));
  const [roles, deployments, waiting, queues, instances, redis, firingAlarms] = await Promise.all([
    section(services.then(roleStatus)),
    section(services.then((all) => deploymentStatus(awsName, all))),
    section(services.then((all) => waitingTasks(awsName, all))),
    section(queueStatus(specs)),
    section(instanceStatus(awsName)),
    section(alarms.then((all) => redisStatus(redisNodes(all)))),
    section(alarms.then(firing)),
  ]);
  const time = new Date().toISOString();
  return {
    stack: name,
    platform: "aws",
    region,
    time,
    roles,
    deployments,
    waiting,
    queues,
    instances,
    redis,
    alarms: firingAlarms,
  };
}

/** ARN of the cluster of a stack. */
async function readCluster(stack: string, cluster: string, region: string): Promise<string> {
  const { client, DescribeClustersCommand } = await ecsClient();
  const { clusters = [] } = await client.send(new DescribeClustersCommand({ clusters: [cluster] }));
  const { clusterArn, status } = clusters[0] ?? {};
  if (clusterArn && status === "ACTIVE") return clusterArn;
  throw new UserError(
    `--stack ${stack}: the region ${region} has no ECS cluster ${cluster}. Deploy the stack with \`pulumi up --stack ${stack}\`, or check aws:region.`,
  );
}
