import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { subnets } from "../../../../stack/aws/network/subnets";
import { formatProblems } from "../../../../stack/config/problem";
import { quotaNeeds, quotaValues } from "../../../../stack/config/quota-needs";
import { settingsSchema } from "../../../../stack/config/schema";
import { inspectAccount } from "../../../../stack/preflight/account";
import { PLATFORM_TYPE } from "../../../../stack/preflight/deployed";
import { userError } from "../../../../stack/pulumi/user-error";

/** The part of the platform aws whose state the preflight checks read. */
class Platform extends pulumi.ComponentResource {
  constructor(args: { availabilityZones: readonly string[]; quotaValues: Record<string, number> }) {
    super(PLATFORM_TYPE, "spatialforge");
    const cidrBlock = "10.40.0.0/16";
    const vpc = new aws.ec2.Vpc("network-vpc", { cidrBlock }, { parent: this });
    subnets("network", { name: "capacity", vpc, cidrBlock, ...args }, { parent: this });
    this.registerOutputs({ quotaValues: args.quotaValues });
  }
}

/** The preflight checks of the account, and the resources that they look for. */
export = async () => {
  const settings = settingsSchema.parse({
    platform: "aws",
    aws: new pulumi.Config("spatialforge").getObject("aws") ?? {},
  });
  const { problems, availabilityZones } = await inspectAccount(settings);
  if (problems.length) throw userError(formatProblems(problems, pulumi.getStack()));
  new Platform({ availabilityZones, quotaValues: quotaValues(quotaNeeds(settings.aws)) });
  return { availabilityZones };
};
