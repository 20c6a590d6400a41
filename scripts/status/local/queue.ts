import { text } from "node:stream/consumers";
import type Docker from "dockerode";
import { mergedOutput } from "../../../stack/clients/docker";
import { ROLES } from "../../../stack/roles";
import type { QueueStatus } from "../model";

/** Counts the jobs with images/runtime/backlog.py, and with the broker settings of the application, as beat does on AWS. */
const SCRIPT = `
import json, sys
from celery.app.utils import find_app
from redis import Redis
from backlog import Backlog, BrokerKeys
from settings import CELERY_APP, setting
redis = Redis.from_url(setting("REDIS_URL"), socket_timeout=5, socket_connect_timeout=5)
keys = BrokerKeys(find_app(CELERY_APP).conf.broker_transport_options)
jobs = Backlog(redis, json.loads(sys.argv[1]), keys).measure()
print("jobs:" + json.dumps({role: {"jobs": one.total, "runningJobs": one.running} for role, one in jobs.items()}))
`;

/** The jobs of each role that consumes queues. @param container - a running container of the application */
export async function queueStatus(container: Docker.Container): Promise<QueueStatus[]> {
  const consumers = ROLES.filter(({ queues }) => queues.length > 0);
  const queues = Object.fromEntries(consumers.map(({ name, queues }) => [name, queues]));
  const output = await run(container, ["python", "-c", SCRIPT, JSON.stringify(queues)]);
  const json = /^jobs:(.*)$/m.exec(output)?.[1];
  // Without Redis, the number is unknown, and its container is not healthy.
  const counts = JSON.parse(json ?? "{}") as Record<string, Partial<QueueStatus>>;
  return consumers.map(({ name }) => ({ role: name, ...counts[name] }));
}

/** Runs a command in a container. Returns its output together with its error output. */
async function run(container: Docker.Container, command: string[]): Promise<string> {
  const exec = await container.exec({ Cmd: command, AttachStdout: true, AttachStderr: true });
  const stream = await exec.start({});
  return text(mergedOutput(container, stream));
}
