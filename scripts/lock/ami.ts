import { readFileSync, writeFileSync } from "node:fs";
import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { parseDocument, type Scalar } from "yaml";
import { amiParameterName, parseAmi } from "../../stack/aws/compute/ami";
import { LockError } from "../../stack/lock/error";

const KEY = ["config", "spatialforge:aws", "gpu", "amiName"];

/** Name of the newest AMI in the region of the AWS environment. @throws LockError if AWS cannot be queried */
export async function newestAmi(): Promise<string> {
  try {
    const { Parameter } = await new SSMClient({}).send(new GetParameterCommand({ Name: amiParameterName() }));
    return parseAmi(Parameter?.Value ?? "{}").image_name;
  } catch (error) {
    throw new LockError(
      `cannot get the newest AMI from AWS (${(error as Error).message}): sign in to AWS, and set AWS_REGION`,
    );
  }
}

/**
 * Sets the AMI name in the settings files that pin one. The rest of each file is unchanged.
 * @param write - false: only find the files
 * @returns the files that change
 */
export function pinAmi(files: readonly string[], name: string, write = true): string[] {
  return files.filter((file) => {
    const text = readFileSync(file, "utf8");
    const pin = parseDocument(text).getIn(KEY, true) as Scalar<string> | undefined;
    if (!pin?.range || pin.value === name) return false;
    const [start, end] = pin.range;
    if (write) writeFileSync(file, text.slice(0, start) + name + text.slice(end));
    return true;
  });
}
