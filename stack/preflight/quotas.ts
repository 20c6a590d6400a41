import { isDeepStrictEqual } from "node:util";
import * as pulumi from "@pulumi/pulumi";
import { quotaAmount, quotaName, quotaRequest, QUOTAS } from "../aws/compute/quotas";
import { ec2Client, serviceQuotasClient } from "../clients/aws";
import type { AwsSettings } from "../config/aws-schema";
import type { Problem } from "../config/problem";
import { quotaNeeds, quotaValues, type QuotaNeed } from "../config/quota-needs";
import type { DeployedCapacity } from "./deployed";

/**
 * Quotas of the account that are lower than what the stack needs at full scale. Checked in each update, and in previews if the needs differ
 * from those of the last update. What other stacks of the account use is subtracted for Elastic IP addresses only. For vCPUs
 * there are only metrics of the whole account, which include the stack itself.
 *
 * A quota that cannot be read, for example because the role may not, is a warning.
 */
export async function quotaProblems(settings: AwsSettings, deployed: DeployedCapacity): Promise<Problem[]> {
  const needs = quotaNeeds(settings);
  if (pulumi.runtime.isDryRun() && isDeepStrictEqual(quotaValues(needs), deployed.quotaValues)) return [];
  const problems = needs.map(async (need) => {
    try {
      return await problemOf(need, deployed);
    } catch (error) {
      const { name, message } = error as Error;
      await pulumi.log.warn(
        `${quotaName(QUOTAS[need.quota])} was not checked (${name}: ${message.split("\n")[0]}): the stack needs ${amount(need)}`,
      );
      return [];
    }
  });
  return (await Promise.all(problems)).flat();
}

const amount = ({ quota, value, reason }: QuotaNeed): string => `${quotaAmount(QUOTAS[quota], value)} for ${reason}`;

async function problemOf(need: QuotaNeed, deployed: DeployedCapacity): Promise<Problem[]> {
  const quota = QUOTAS[need.quota];
  let { value: required } = need;
  let used = "";
  if (need.quota === "elasticIps") {
    if (required <= deployed.elasticIps) return [];
    const others = (await elasticIps()) - deployed.elasticIps;
    required += others;
    if (others) used = `, in addition to ${others} that the account already has`;
  }
  const value = await quotaValue(quota);
  if (value >= required) return [];
  const remedy =
    `the stack needs ${amount(need)}${used}, and ${quotaName(quota)} of the account is ${value}: ` +
    `request an increase with ${quotaRequest(quota, required)}, or ${need.lower}`;
  return [{ key: need.key, value: need.setting, remedy }];
}

/** The value of a quota in the account. A quota that was never changed can have its default only. */
async function quotaValue({ serviceCode, code }: (typeof QUOTAS)[keyof typeof QUOTAS]): Promise<number> {
  const { client, GetAWSDefaultServiceQuotaCommand, GetServiceQuotaCommand } = await serviceQuotasClient();
  const input = { ServiceCode: serviceCode, QuotaCode: code };
  const { Quota } = await client.send(new GetServiceQuotaCommand(input)).catch((error: Error) => {
    if (error.name !== "NoSuchResourceException") throw error;
    return client.send(new GetAWSDefaultServiceQuotaCommand(input));
  });
  if (Quota?.Value === undefined) throw new Error(Quota?.ErrorReason?.ErrorMessage ?? "the quota has no value");
  return Quota.Value;
}

/** Number of Elastic IP addresses in the account and region. */
async function elasticIps(): Promise<number> {
  const { client, DescribeAddressesCommand } = await ec2Client();
  const { Addresses = [] } = await client.send(new DescribeAddressesCommand({}));
  return Addresses.length;
}
