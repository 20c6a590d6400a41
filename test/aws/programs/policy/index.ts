import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { makePrivate } from "../../../../stack/aws/storage/private-bucket";
import { imageHealthCheck } from "../../../../stack/images/health-check";
import { PREVIEW_DIGEST } from "../../../../stack/images/catalog";

/** The part of the program that breaks a rule of the policy pack: `logs`, `bucket`, `root`, `image`, or `nothing`. */
const broken = new pulumi.Config().require("broken");

const vpc = new aws.ec2.Vpc("vpc", { cidrBlock: "10.40.0.0/16" });
const securityGroup = new aws.ec2.SecurityGroup("public", { vpcId: vpc.id });
const https = { ipProtocol: "tcp", fromPort: 443, toPort: 443, cidrIpv4: "0.0.0.0/0" };
new aws.vpc.SecurityGroupIngressRule("public", { securityGroupId: securityGroup.id, ...https });

const bucket = new aws.s3.Bucket("load-balancer-access-logs");
const sse = [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }];
new aws.s3.BucketServerSideEncryptionConfiguration("encrypted", { bucket: bucket.id, rules: sse });
if (broken !== "bucket") makePrivate("private", bucket, [], {});

const logs = new aws.cloudwatch.LogGroup("logs", { retentionInDays: broken === "logs" ? undefined : 30 });

new aws.ecs.TaskDefinition("task", {
  family: "policy",
  containerDefinitions: pulumi.jsonStringify([
    {
      name: "task",
      image: `repository@${broken === "image" ? PREVIEW_DIGEST : `sha256:${"1".repeat(64)}`}`,
      memory: 128,
      readonlyRootFilesystem: broken !== "root",
      linuxParameters: { capabilities: { drop: ["ALL"] } },
      healthCheck: imageHealthCheck(),
      logConfiguration: { logDriver: "awslogs", options: { "awslogs-group": logs.name } },
    },
  ]),
});
