import { existsSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, it } from "vitest";
import { AwsStack } from "../harness/aws-stack";
import { Ecr } from "../harness/ecr";
import { commandsUnder } from "../harness/readme";
const ecr = new Ecr(process.env.LAB_ECR ?? "");
const dev = new AwsStack("dev", ecr, { "spatialforge:healthTimeout": 20 });
beforeAll(() => ecr.start());
afterAll(async () => { await dev.stop(); ecr.stop(); });
it("up", async () => {
  await dev.start();
  const [, ...commands] = commandsUnder("On AWS");
  for (const command of commands) await dev.mustLine(command);
  writeFileSync("/tmp/lead/scratch.env", `${dev.env}\ncd ${dev.clone.folder}\n`);
  while (!existsSync("/tmp/lead/scratch.stop")) await new Promise((r) => setTimeout(r, 1000));
}, 7_200_000);
