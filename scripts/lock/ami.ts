import { readFileSync, writeFileSync } from "node:fs";
import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { parseDocument, type Scalar } from "yaml";
import { amiParameter, parseAmi } from "../../stack/aws/ami";
import { LockError } from "../../stack/lock/error";

const KEY = ["config", "spatialforge:aws", "gpu", "ami"];

/** Name of the newest AMI in the region of the environment. @throws LockError when AWS does not tell. */
export async function newestAmi(): Promise<string> {
  try {
    const { Parameter } = await new SSMClient({}).send(new GetParameterCommand({ Name: amiParameter() }));
    return parseAmi(Parameter?.Value ?? "{}").image_name;
  } catch (error) {
    throw new LockError(`AWS does not tell the newest AMI (${(error as Error).message}): sign in, and set AWS_REGION`);
  }
}

/** Writes an AMI's name into the files of stacks that pin one, and leaves all else in them as it is. @returns those that change */
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
