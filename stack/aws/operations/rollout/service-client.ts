import type { DesiredStatus, Service, ServiceDeployment, ServiceDeploymentStatus, Task } from "@aws-sdk/client-ecs";
import { ecsClient } from "../../../clients/aws";
import { userError } from "../../../pulumi/user-error";

/** A service in ECS. */
export interface ServiceId {
  cluster: string;
  service: string;
}

/** Describes a service. @throws RunError if it does not exist. */
export async function describeService({ cluster, service }: ServiceId): Promise<Service> {
  const { client, DescribeServicesCommand } = await ecsClient();
  const { services = [] } = await client.send(new DescribeServicesCommand({ cluster, services: [service] }));
  if (!services[0]) throw userError(`${service}: the cluster ${cluster} has no such service: run \`pulumi refresh\``);
  return services[0];
}

/** Changes a service. Returns it after the change. */
export async function updateService(
  { cluster, service }: ServiceId,
  changes: { taskDefinition?: string; desiredCount?: number; forceNewDeployment?: boolean },
): Promise<Service> {
  const { client, UpdateServiceCommand } = await ecsClient();
  return (await client.send(new UpdateServiceCommand({ cluster, service, ...changes }))).service ?? {};
}

/** Maximum number of tasks in a page of ListTasks, and in a request of DescribeTasks. */
const PAGE_SIZE = 100;

/** The tasks of a service with a desired status. ECS lists stopped tasks for about an hour. */
export async function serviceTasks({ cluster, service }: ServiceId, desiredStatus: DesiredStatus): Promise<Task[]> {
  const { client, paginateListTasks } = await ecsClient();
  const tasks: Task[] = [];
  const request = { cluster, serviceName: service, desiredStatus };
  for await (const { taskArns = [] } of paginateListTasks({ client, pageSize: PAGE_SIZE }, request)) {
    tasks.push(...(await describeTasks(cluster, taskArns)));
  }
  return tasks;
}

/** Describes up to 100 tasks, without those that ECS no longer knows. */
export async function describeTasks(cluster: string, taskArns: string[]): Promise<Task[]> {
  if (!taskArns.length) return [];
  const { client, DescribeTasksCommand } = await ecsClient();
  const { tasks = [] } = await client.send(new DescribeTasksCommand({ cluster, tasks: taskArns }));
  return tasks;
}

/** The latest service deployment. @param status - only deployments with one of these statuses. Default: all */
export async function latestServiceDeployment(
  { cluster, service }: ServiceId,
  status?: ServiceDeploymentStatus[],
): Promise<ServiceDeployment | undefined> {
  const { client, ListServiceDeploymentsCommand, DescribeServiceDeploymentsCommand } = await ecsClient();
  const { serviceDeployments = [] } = await client.send(
    new ListServiceDeploymentsCommand({ cluster, service, status }),
  );
  const [latest] = serviceDeployments.sort((a, b) => Number(b.createdAt) - Number(a.createdAt));
  if (!latest?.serviceDeploymentArn) return undefined;
  const describe = new DescribeServiceDeploymentsCommand({ serviceDeploymentArns: [latest.serviceDeploymentArn] });
  return (await client.send(describe)).serviceDeployments?.[0];
}

export const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));
