import * as pulumi from "@pulumi/pulumi";

/** Name in AWS of resources that exist once per stack, such as the ECS cluster, the ECR repository, and the load balancer. */
export const stackName = (): string => `${pulumi.getProject()}-${pulumi.getStack()}`;
