import { capacityProblems } from "../aws/capacity";
import { fargateProblem } from "../aws/fargate";
import { pathProblem } from "../aws/public-paths";
import { contains, overlaps, parseRange } from "./cidr";
import type { AwsSettings } from "./aws";
import type { Problem } from "./parse";

/** What the schema can't say of the platform aws: settings that depend on each other or on the stack. */
export function awsProblems(aws: AwsSettings, stack: string): Problem[] {
  const found = [
    ...networkProblems(aws),
    ...entryProblems(aws, stack),
    ...serviceProblems(aws),
    ...capacityProblems(aws),
    ...dataProblems(aws),
  ];
  return found.map(({ key, ...rest }) => ({ key: `aws.${key}`, ...rest }));
}

function networkProblems({ network }: AwsSettings): Problem[] {
  const key = "network.cidr";
  const own = parseRange(network.cidr);
  const problem = (remedy: string): Problem => ({ key, value: network.cidr, remedy });
  if (!own) return [problem("it is no range: its address must be the first of it, as in 10.40.0.0/16")];
  // The largest VPC that AWS allows, and the smallest whose sixteenth part has room for the tasks.
  if (own.prefix < 16) return [problem("a VPC has at most a /16")];
  if (own.prefix > 20)
    return [problem("it is too small: each subnet gets a sixteenth of it, so give it a /20 or larger")];
  if (!["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"].some((private_) => contains(private_, network.cidr))) {
    return [problem("it is not private: take it from 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16")];
  }
  return network.reserved.flatMap((range, place) => {
    if (!parseRange(range)) {
      return [
        {
          key: `network.reserved.${place}`,
          value: range,
          remedy: "it is no range: its address must be the first of it",
        },
      ];
    }
    return overlaps(range, network.cidr)
      ? [problem(`it overlaps ${range} (network.reserved): choose another range for the VPC`)]
      : [];
  });
}

function entryProblems({ entry }: AwsSettings, stack: string): Problem[] {
  const problems: Problem[] = (entry.publicPaths ?? []).flatMap((path, place) => {
    const remedy = pathProblem(path);
    return remedy ? [{ key: `entry.publicPaths.${place}`, value: path, remedy }] : [];
  });
  const secure = entry.certificateArn || (entry.domain && entry.hostedZoneId);
  if (entry.hostedZoneId && !entry.domain) {
    problems.push({
      key: "entry.hostedZoneId",
      value: entry.hostedZoneId,
      remedy: "a hosted zone needs a name in it: set entry.domain",
    });
  }
  if (entry.domain && !entry.hostedZoneId && !entry.certificateArn) {
    problems.push({
      key: "entry.domain",
      value: entry.domain,
      remedy:
        "its certificate has to come from somewhere: set entry.hostedZoneId to have one requested, or entry.certificateArn",
    });
  }
  if (!secure && stack === "prod") {
    problems.push({
      key: "entry.certificateArn",
      remedy: "production is reached by HTTPS only: set entry.certificateArn, or entry.domain and entry.hostedZoneId",
    });
  } else if (!secure && !entry.allowHttp && !entry.domain) {
    problems.push({
      key: "entry.certificateArn",
      remedy:
        "there is no certificate: set entry.certificateArn, or entry.domain and entry.hostedZoneId, or entry.allowHttp for plain HTTP",
    });
  }
  return problems;
}

function serviceProblems({ api, worker }: AwsSettings): Problem[] {
  const problems: Problem[] = [];
  for (const [name, { min, max }] of Object.entries({ api, worker })) {
    if (min > max)
      problems.push({ key: `${name}.min`, value: String(min), remedy: `it is more than ${name}.max, which is ${max}` });
  }
  const remedy = api.gpu ? undefined : fargateProblem(api);
  if (remedy) problems.push({ key: "api.memory", value: String(api.memory), remedy });
  return problems;
}

function dataProblems({ objects, models }: AwsSettings): Problem[] {
  const problems: Problem[] = [];
  const { keySerial, endedSerial } = objects;
  if (endedSerial >= keySerial) {
    problems.push({
      key: "objects.endedSerial",
      value: String(endedSerial),
      remedy: `no key would be left: it is less than objects.keySerial, which is ${keySerial}`,
    });
  } else if (keySerial - endedSerial > 2) {
    problems.push({
      key: "objects.keySerial",
      value: String(keySerial),
      remedy: `a user has two keys at most: first end those before with objects.endedSerial = ${keySerial - 2}, in an update of its own`,
    });
  }
  models.forEach((model, place) => {
    if (!/^[\w.-]+\/[\w.-]+(@[\w.-]+)?$/.test(model)) {
      problems.push({ key: `models.${place}`, value: model, remedy: "a model is OWNER/NAME or OWNER/NAME@REVISION" });
    }
  });
  return problems;
}
