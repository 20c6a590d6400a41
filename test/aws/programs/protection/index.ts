import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { awsContext } from "../../../../stack/aws/context";
import { KmsKey } from "../../../../stack/aws/storage/kms-key";
import { ModelVolume } from "../../../../stack/aws/storage/model-volume";
import { Repository } from "../../../../stack/aws/storage/repository";

const name = "protection";
const customerManagedKey = new pulumi.Config().requireBoolean("customerManagedKey");

const vpc = new aws.ec2.Vpc(name, { cidrBlock: "10.40.0.0/16" });
const subnet = new aws.ec2.Subnet(name, { vpcId: vpc.id, cidrBlock: "10.40.0.0/20" });
const securityGroupId = new aws.ec2.SecurityGroup(name, { vpcId: vpc.id }).id;

const key = { ...awsContext({}), name, deletionProtection: true };
const kmsKeyArn = customerManagedKey ? new KmsKey("kms-key", key).arn : undefined;
const args = { name, kmsKeyArn, deletionProtection: true };
new Repository("repository", args);
new ModelVolume("model-volume", { ...args, subnetIds: [subnet.id], securityGroupId });
