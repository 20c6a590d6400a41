import * as pulumi from "@pulumi/pulumi";

/** Name of what exists once in a stack: cluster, repository, load balancer and the like. */
export const stackName = (): string => `${pulumi.getProject()}-${pulumi.getStack()}`;
