import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { awsLog } from "../../scripts/logs/aws";
import { localLog } from "../../scripts/logs/local";
import { followLog, showLog } from "../../scripts/logs/show";
import type { LogEvent, LogSource, LogTask } from "../../scripts/logs/source";
import { chooseId } from "../../scripts/operate/choose";
import { formatDuration, parseDuration } from "../../scripts/operate/duration";
import { openStack } from "../../scripts/operate/stack";
import { LABELS } from "../../stack/clients/docker";
import { fakeAws } from "../harness/fake-aws";
import { fakeEngine } from "../harness/fake-engine";

const START = Date.parse("2026-03-02T14:15:00Z");

describe("a duration", () => {
  it.each([
    ["30s", 30],
    ["10m", 600],
    ["2h", 7200],
    ["1d", 86_400],
  ])("%s has %i seconds", (text, seconds) => {
    expect(parseDuration("--since", text)).toBe(seconds);
  });

  it.each(["", "10", "m", "0s", "1.5h", "-1m", "10 m", "1w"])("%j is an error that shows what is valid", (text) => {
    expect(() => parseDuration("--since", text)).toThrow(
      `--since ${text}: use a number with the unit s, m, h, or d, as in 30s, 10m, 2h, or 1d`,
    );
  });

  it("is shown in its largest unit", () => {
    expect([5, 90, 7300, 90_000, 200_000].map(formatDuration)).toEqual(["5 s", "1 min", "2 h", "1 day", "2 days"]);
  });
});

describe("an ID", () => {
  it("is chosen by its first characters", () => {
    expect(chooseId("api", "ab", ["abc", "bcd"])).toBe("abc");
  });

  it.each([
    ["c", ["abc", "bcd"], "--task c: no task of api has an ID that starts with it. Use one of: abc, bcd."],
    ["a", ["abc", "abd"], "--task a: several tasks of api have an ID that starts with it. Use one of: abc, abd."],
    ["a", [], "--task a: no task of api has an ID that starts with it. api has no task."],
  ])("%s of %j is an error that names the others", (text, ids, message) => {
    expect(() => chooseId("api", text, ids)).toThrow(message);
  });
});

const event = (task: string, second: number, message: string): LogEvent => ({
  id: `${task} ${second} ${message}`,
  time: START + second * 1000,
  task,
  message,
});

/** A log that has other lines and other tasks at each read. After the last read, the log is no longer followed. */
function source(reads: { events: LogEvent[]; tasks: LogTask[] }[]) {
  const aborter = new AbortController();
  let read = -1;
  const log: LogSource = {
    interval: 0,
    tasks: async () => {
      read += 1;
      if (read === reads.length - 1) aborter.abort();
      return reads[read].tasks;
    },
    events: async (_, task) => reads[Math.max(read, 0)].events.filter((one) => !task || one.task === task),
  };
  return { log, signal: aborter.signal };
}

async function follow(reads: { events: LogEvent[]; tasks: LogTask[] }[], task?: string): Promise<string[]> {
  const { log, signal } = source(reads);
  const lines: string[] = [];
  await followLog({ source: log, since: START, task, signal, print: (line) => void lines.push(line) });
  return lines;
}

describe("a log", () => {
  it("has the time of each line, and the ID of the task if there are several", async () => {
    const lines: string[] = [];
    const show = (events: LogEvent[]) =>
      showLog({ source: source([{ events, tasks: [] }]).log, since: START, print: (line) => void lines.push(line) });
    expect(await show([event("aaaaaaaaaa", 0, "one\n")])).toBe(1);
    expect(await show([event("aaaaaaaaaa", 1, "two"), event("bbbbbbbbbb", 2, "three")])).toBe(2);
    expect(lines).toEqual([
      "2026-03-02T14:15:00.000Z one",
      "2026-03-02T14:15:01.000Z aaaaaaaa two",
      "2026-03-02T14:15:02.000Z bbbbbbbb three",
    ]);
  });

  it("is followed across the replacement of a task: each line is shown once, also one that arrives late", async () => {
    const [first, late, last, next] = [
      event("aa", 1, "1"),
      event("aa", 0, "0"),
      event("aa", 2, "2"),
      event("bb", 3, "3"),
    ];
    const lines = await follow([
      { events: [first], tasks: [{ id: "aa" }] },
      { events: [late, first], tasks: [{ id: "aa" }] },
      { events: [late, first, last, next], tasks: [{ id: "bb" }, { id: "aa", stopped: "exit code 0" }] },
    ]);
    expect(lines.map((line) => line.replace(/^\S+Z /, ""))).toEqual([
      "1",
      "0",
      "2",
      "-- task aa stopped (exit code 0); task bb started",
      "bb 3",
    ]);
  });

  it("of one task ends when the task has stopped", async () => {
    const tasks = [{ id: "aa", stopped: "exit code 1" }, { id: "bb" }];
    const reads = [
      { events: [event("aa", 0, "0"), event("bb", 0, "other")], tasks: [{ id: "aa" }, { id: "bb" }] },
      { events: [event("aa", 1, "1")], tasks },
      { events: [event("aa", 2, "never read")], tasks },
    ];
    expect((await follow(reads, "aa")).map((line) => line.replace(/^\S+Z /, ""))).toEqual([
      "0",
      "1",
      "-- task aa stopped (exit code 1)",
    ]);
  });
});

describe("a log on this machine", () => {
  const ID = "fedcba9876543210";
  const frame = (text: string): Buffer => {
    const header = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);
    header.writeUInt32BE(Buffer.byteLength(text), 4);
    return Buffer.concat([header, Buffer.from(text)]);
  };

  it("has the lines of the container of the role; an unknown role is an error", async () => {
    vi.stubEnv("SPATIALFORGE_ID", "1");
    await fakeEngine({
      "/_ping": Buffer.from("OK"),
      "/containers/json": [{ Id: ID, Labels: { [LABELS.service]: "api" } }],
      [`/containers/${ID}/json`]: { Id: ID, State: { Running: true } },
      [`/containers/${ID}/logs`]: Buffer.concat([
        frame("2026-03-02T14:15:00.5Z first line\n"),
        frame("2026-03-02T14:15:01.5Z second\n"),
      ]),
    });
    const stack = { ...(await openStack("local")), name: "test" };
    const log = await localLog(stack, "api");
    expect(await log.tasks()).toEqual([{ id: ID, stopped: undefined }]);
    expect(await log.events(START)).toMatchObject([
      { time: START + 500, task: ID, message: "first line" },
      { time: START + 1500, task: ID, message: "second" },
    ]);
    await expect(localLog(stack, "apo")).rejects.toThrow("ROLE apo: there is no such role. Use one of: api.");
  });
});

describe("a log on AWS", () => {
  beforeAll(() => vi.stubEnv("AWS_REGION", "us-east-1"));
  afterEach(() => vi.unstubAllEnvs());

  it("of an unknown role, or of a service that does not exist, is an error", async () => {
    await fakeAws({ DescribeServices: { services: [] } });
    const stack = await openStack("dev");
    await expect(awsLog(stack, "wroker")).rejects.toThrow(
      "ROLE wroker: there is no such role. Use one of: api, worker, beat.",
    );
    await expect(awsLog(stack, "worker")).rejects.toThrow(
      "has no service worker. Deploy the stack with `pulumi up --stack dev`.",
    );
  });

  it("that may not be read names the permission", async () => {
    await fakeAws();
    await expect(awsLog(await openStack("dev"), "api")).rejects.toThrow(
      "not authorized to perform: ecs:DescribeServices",
    );
  });
});
