import type { Service } from "@aws-sdk/client-ecs";
import { ecsClient } from "../../stack/clients/aws";
import { UserError } from "./command";
import type { OperatedStack } from "./stack";

/** The ECS service of a role. @throws UserError if the stack has no such service, and the error of ECS if it has no cluster. */
export async function requireService({ name, awsName }: OperatedStack, role: string): Promise<Service> {
  const { client, DescribeServicesCommand } = await ecsClient();
  const { services = [] } = await client.send(new DescribeServicesCommand({ cluster: awsName, services: [role] }));
  const service = services.find(({ status }) => status !== "INACTIVE");
  if (service) return service;
  throw new UserError(
    `ROLE ${role}: the ECS cluster ${awsName} has no service ${role}. Deploy the stack with \`pulumi up --stack ${name}\`.`,
  );
}
