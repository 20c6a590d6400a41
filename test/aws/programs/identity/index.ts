import * as aws from "@pulumi/aws";

export = async () => void (await aws.getCallerIdentity());
