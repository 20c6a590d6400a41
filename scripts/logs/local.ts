import { requireRole } from "../operate/choose";
import { readContainers, type ServiceContainer } from "../operate/containers";
import type { OperatedStack } from "../operate/stack";
import type { LogEvent, LogSource } from "./source";

/** Between two reads. */
const INTERVAL_MS = 1000;

/** Bytes of the header of a frame in a log: its stream, and its length at byte 4. https://docs.docker.com/reference/api/engine/ */
const HEADER = 8;

/** The log of a container on the Docker engine of this machine. An update replaces the container of a role. */
export async function localLog({ name }: OperatedStack, role: string): Promise<LogSource> {
  requireRole(role, [...new Set((await readContainers(name)).map(({ service }) => service))].sort());
  const containers = async () => (await readContainers(name)).filter(({ service }) => service === role);
  return {
    interval: INTERVAL_MS,
    tasks: async () =>
      (await containers()).map(({ info: { Id, State } }) => ({
        id: Id,
        stopped: State.Running || State.Restarting ? undefined : `exit code ${State.ExitCode}`,
      })),
    events: async (since, task) => {
      const chosen = (await containers()).filter(({ info }) => task === undefined || info.Id === task);
      const events = await Promise.all(chosen.map((one) => eventsOf(one, since)));
      return events.flat().sort((a, b) => a.time - b.time);
    },
  };
}

async function eventsOf({ container, info }: ServiceContainer, since: number): Promise<LogEvent[]> {
  const options = { stdout: true, stderr: true, timestamps: true, since: since / 1000, follow: false } as const;
  const log = (await container.logs(options).catch(() => Buffer.alloc(0))) as Buffer; // it was removed meanwhile
  return linesOf(log).map((line) => {
    const [timestamp, ...words] = line.split(" ");
    return { id: `${info.Id} ${line}`, time: Date.parse(timestamp), task: info.Id, message: words.join(" ") };
  });
}

/** The lines of both output streams, in their order. */
function linesOf(log: Buffer): string[] {
  const lines: string[] = [];
  for (let start = 0; start + HEADER <= log.length;) {
    const end = start + HEADER + log.readUInt32BE(start + 4);
    lines.push(...log.toString("utf8", start + HEADER, end).split("\n"));
    start = end;
  }
  return lines.filter(Boolean);
}
