import * as pulumi from "@pulumi/pulumi";

/** Name in AWS of resources that exist once per stack, such as the ECS cluster, the ECR repository, and the load balancer. */
export const stackName = (): string => repositoryName(pulumi.getStack());

/** Name of the ECR repository of a stack of this project. */
export const repositoryName = (stack: string): string => `${pulumi.getProject()}-${stack}`;
