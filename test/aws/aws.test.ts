import { afterAll, beforeAll, describe } from "vitest";
import { AwsStack } from "../harness/aws-stack";
import { Ecr } from "../harness/ecr";
import { firstUpdate, laterUpdates } from "./dev";
import { prodTests } from "./prod";

const DOMAIN = "sf.example.org";
const ecr = new Ecr(process.env.LAB_ECR ?? "");
const dev = new AwsStack("dev", ecr, { "spatialforge:healthTimeout": 20 });
const prod = new AwsStack("prod", ecr, { "spatialforge:healthTimeout": 20, "spatialforge:aws/entry/domain": DOMAIN });

beforeAll(() => ecr.start());
afterAll(() => {
  dev.stop();
  prod.stop();
  ecr.stop();
});

describe("dev, alone", () => firstUpdate(dev));

// An update is mostly waiting: the two environments go side by side, and the tests of each one after the other.
describe.concurrent("dev", () => {
  describe.sequential("later", () => laterUpdates(dev));
});
describe.concurrent("prod", () => {
  describe.sequential("from nothing to nothing", () => prodTests(prod, DOMAIN));
});
