import { afterAll, beforeAll, describe } from "vitest";
import { AwsStack } from "../harness/aws-stack";
import { Ecr } from "../harness/ecr";
import { firstUpdate, laterUpdates } from "./dev";
import { prodTests } from "./prod";

const DOMAIN_NAME = "sf.example.org";
const ecr = new Ecr(process.env.LAB_ECR ?? "");
const dev = new AwsStack("dev", ecr, { "spatialforge:healthTimeout": 20 });
const prod = new AwsStack("prod", ecr, {
  "spatialforge:healthTimeout": 20,
  "spatialforge:aws/loadBalancer/domainName": DOMAIN_NAME,
});

beforeAll(() => ecr.start());
afterAll(async () => {
  await dev.stop();
  await prod.stop();
  ecr.stop();
});

// The first update of dev is followed by a test that measures time, so nothing else may run beside it.
describe("dev, first update", () => firstUpdate(dev));

// An update is mostly waiting: the two stacks are tested at the same time, and the tests of each run one after the other.
describe.concurrent("dev", () => {
  describe("later updates", { concurrent: false }, () => laterUpdates(dev));
});
describe.concurrent("prod", () => {
  describe("from the first update to destroy", { concurrent: false }, () =>
    prodTests(prod, DOMAIN_NAME, dev.repository),
  );
});
