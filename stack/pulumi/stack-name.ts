import * as pulumi from "@pulumi/pulumi";

/** Physical name of what exists once in a stack, such as the ECS cluster, the ECR repository, and the load balancer. */
export const stackName = (): string => `${pulumi.getProject()}-${pulumi.getStack()}`;
