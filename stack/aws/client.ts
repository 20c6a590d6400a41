import * as aws from "@pulumi/aws";

/** Region and profile of the AWS provider, for the calls that the program makes by itself. Their default is the environment's. */
export function clientConfig(): { region?: string; profile?: string } {
  return { region: aws.config.region, profile: aws.config.profile };
}
