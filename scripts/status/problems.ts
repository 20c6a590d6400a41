import {
  dataOf,
  type AlarmStatus,
  type DeploymentStatus,
  type InstanceStatus,
  type Problem,
  type QueueStatus,
  type RoleStatus,
  type Section,
  type Status,
  type WaitingTasks,
} from "./model";
import { runbookLink, type RunbookSection } from "../../stack/aws/operations/alarms/runbook";

/** A kind of problem: the items of a status that can have it, the problem of an item if it has one, and the command to run next. */
interface Rule<T> {
  items: (status: Status) => readonly T[];
  problem: (item: T, status: Status) => string | undefined | false;
  next: (item: T, status: Status) => string;
}

const rule =
  <T>({ items, problem, next }: Rule<T>) =>
  (status: Status): Problem[] =>
    items(status).flatMap((item) => {
      const text = problem(item, status);
      return text ? [{ problem: text, next: next(item, status) }] : [];
    });

/** A command for an operator of the stack. */
const logs = ({ stack }: Status, role: string, since = "1h"): string =>
  `npm run logs -- --stack ${stack} ${role} --since ${since}`;
const deploy = ({ stack, platform }: Status): string =>
  platform === "docker" ? "npm run up" : `pulumi up --stack ${stack}`;
const setting = ({ stack }: Status, path: string, value: string | number): string =>
  `pulumi config set --stack ${stack} --path spatialforge:${path} ${value} && pulumi up --stack ${stack}`;

/** The problems that a status can show, the most urgent first. */
const RULES: readonly ((status: Status) => Problem[])[] = [
  rule<WaitingTasks>({
    items: ({ waiting }) => dataOf(waiting),
    problem: ({ role, tasks, reasons }) =>
      reasons[0] && `${role}: ${counted(tasks, "task waits", "tasks wait")} for an instance: ${causeIn(reasons[0])}`,
    next: ({ reasons: [reason] }, status) => remedyOf(reason, status),
  }),
  rule<DeploymentStatus>({
    items: ({ deployments }) => dataOf(deployments),
    problem: ({ role, state, isLatest, reason }) =>
      state === "failed" && isLatest && `${role}: the last deployment failed: ${reason}`,
    next: ({ role }, status) => logs(status, role),
  }),
  rule<DeploymentStatus>({
    items: ({ deployments }) => dataOf(deployments),
    problem: ({ role, state, failedTasks, reason }) =>
      state === "in progress" && failedTasks
        ? `${role}: tasks of the deployment in progress fail: ${reason}`
        : undefined,
    next: ({ role }, status) => logs(status, role),
  }),
  rule<RoleStatus>({
    items: ({ roles }) => dataOf(roles),
    problem: ({ role, problem }) => problem && `${role}: ${problem}`,
    next: ({ role, running }, status) => (running ? logs(status, role) : deploy(status)),
  }),
  rule<RoleStatus>({
    items: ({ roles }) => dataOf(roles),
    problem: (one, status) =>
      !one.problem &&
      one.healthy < one.desired &&
      !isExplained(one, status) &&
      `${one.role}: ${one.healthy} of ${counted(one.desired, "task is", "tasks are")} healthy`,
    next: ({ role }, status) => logs(status, role),
  }),
  rule<{ name: string; health: string }>({
    items: ({ containers }) => dataOf(containers),
    problem: ({ name, health }) => health !== "healthy" && `${name}: the container is ${health}`,
    next: ({ name }, status) => logs(status, name),
  }),
  rule<QueueStatus>({
    items: ({ queues }) => dataOf(queues),
    problem: ({ role, jobs }) =>
      jobs === undefined &&
      `${role}: the number of jobs is unknown, and ${role} does not scale: beat publishes no metrics`,
    next: (_, status) => logs(status, "beat"),
  }),
  rule<QueueStatus>({
    items: ({ queues }) => dataOf(queues),
    problem: ({ role, jobs = 0, capacity = Infinity, maxTasks = 0 }) =>
      jobs > capacity &&
      `${role}: the queue is full: ${jobs} jobs, and the maximum of ${counted(maxTasks, "task", "tasks")} is enough for ${capacity}`,
    next: ({ role, maxTasks = 0 }, status) => setting(status, `aws.${role}.maxTasks`, maxTasks + 1),
  }),
  rule<InstanceStatus>({
    items: ({ instances }) => dataOf(instances),
    problem: ({ id, agentConnected }) => !agentConnected && `instance ${id}: the ECS agent is not connected`,
    next: ({ id }, { region }) => `aws ec2 describe-instance-status --region ${region} --instance-ids ${id}`,
  }),
  rule<AlarmStatus>({
    items: ({ alarms }) => dataOf(alarms),
    problem: ({ name, description }) => `alarm ${name}: ${description}`,
    next: (alarm, status) => alarmCommand(alarm, status),
  }),
  (status) =>
    unknownSections(status).map((reason) => ({
      problem: `not everything could be read: ${reason}`,
      next: permissionsCommand(status),
    })),
];

/** The problems of a stack, the most urgent first. Empty: all is well. */
export const problemsOf = (status: Status): Problem[] => RULES.flatMap((find) => find(status));

const counted = (count: number, one: string, several: string): string => `${count} ${count === 1 ? one : several}`;

/** Whether tasks are missing because a deployment is in progress, or because they wait for an instance. */
const isExplained = ({ role }: RoleStatus, { deployments, waiting }: Status): boolean =>
  dataOf(deployments).some((one) => one.role === role && one.state === "in progress") ||
  dataOf(waiting).some((one) => one.role === role);

/** The cause in a reason of `capacityReasons`, without the attempts and the remedy. */
const causeIn = (reason: string): string => reason.replace(/^no GPU instance started \(.*?\): /, "").split(". ")[0];

/** The command that a reason names, or the setting that it names. */
function remedyOf(reason: string, status: Status): string {
  const command = /`([^`]+)`/.exec(reason)?.[1];
  if (command) return command;
  const [path] = /\baws\.\w+\.\w+/.exec(reason) ?? [];
  return path ? setting(status, path, "VALUE") : `npm run status -- --stack ${status.stack} --watch`;
}

/** The command for an alarm, by the section of the runbook that its description names. */
const ALARM_COMMANDS: Readonly<Record<RunbookSection, (status: Status) => string>> = {
  "no-capacity": ({ region }) => `aws autoscaling describe-scaling-activities --region ${region} --max-items 5`,
  "a-gpu-that-failed": (status) => logs(status, "worker"),
  "errors-of-the-api": (status) => logs(status, "api"),
  "slow-requests": (status) => logs(status, "api"),
  "jobs-wait": (status) => logs(status, "beat"),
  "redis-is-full": (status) => setting(status, "aws.redis.nodeType", "TYPE"),
  "redis-failed-over": ({ region }) =>
    `aws elasticache describe-events --region ${region} --source-type replication-group --duration 120`,
};

const alarmCommand = ({ name, description }: AlarmStatus, status: Status): string => {
  const command = Object.entries(ALARM_COMMANDS).find(([section]) =>
    description.endsWith(runbookLink(section as RunbookSection)),
  )?.[1];
  return command?.(status) ?? `aws cloudwatch describe-alarm-history --region ${status.region} --alarm-name ${name}`;
};

/** The reasons why sections could not be read, each once. */
function unknownSections(status: Status): string[] {
  const sections = Object.values(status).filter(
    (value): value is Section<unknown> => typeof value === "object" && value !== null,
  );
  return [...new Set(sections.flatMap((one) => ("unknown" in one ? [one.unknown] : [])))];
}

const permissionsCommand = ({ platform }: Status): string =>
  platform === "docker"
    ? "docker version"
    : "aws sts get-caller-identity, and add the policy in docs/operations.md to this identity";
