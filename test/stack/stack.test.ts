import { afterAll, afterEach, beforeAll, describe } from "vitest";
import { docker } from "../harness/engine";
import { LocalService, SETTINGS } from "../harness/local-service";
import { badInput } from "./bad-input";
import { changes } from "./change";
import { faults } from "./faults";
import { interruptions } from "./interruptions";
import { firstUpdate } from "./local";
import { privateIndex } from "./private-index";

/** Seconds after which a job of a lost worker is queued again. The default is an hour. */
const VISIBILITY_TIMEOUT_S = 10;

// An installation and a first update take minutes, so all suites share one service.
const service = new LocalService();

beforeAll(async () => {
  service.edit(
    SETTINGS,
    (settings) => `${settings}  spatialforge:env:\n    VISIBILITY_TIMEOUT_S: ${VISIBILITY_TIMEOUT_S}\n`,
  );
  docker("builder", "prune", "-af"); // the first update builds everything, as on a new machine
  await service.up();
});
afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await service.recover();
});
afterAll(() => service.down());

describe("first update", () => firstUpdate(service));
describe("change", () => changes(service));
describe("bad input", () => badInput(service));
describe("interruptions", () => interruptions(service));
describe("faults", () => faults(service, { visibilityTimeout: VISIBILITY_TIMEOUT_S }));
describe("private index", () => privateIndex(service));
