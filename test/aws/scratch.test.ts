import { afterAll, beforeAll, describe } from "vitest";
import { AwsStack } from "../harness/aws-stack";
import { Ecr } from "../harness/ecr";
import { commandsUnder } from "../harness/readme";
import { previewTests } from "./previews";
const ecr = new Ecr(process.env.LAB_ECR ?? "");
const dev = new AwsStack("dev", ecr, { "spatialforge:healthTimeout": 20 });
beforeAll(() => ecr.start());
afterAll(async () => { await dev.stop(); ecr.stop(); });
describe("up", () => {
beforeAll(async () => {
  await dev.start();
  const [, ...commands] = commandsUnder("On AWS");
  for (const command of commands) await dev.mustLine(command);
}, 7_200_000);
previewTests(dev);
});
