import { DescribeSecurityGroupsCommand, DescribeSubnetsCommand, EC2Client } from "@aws-sdk/client-ec2";
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DescribeTasksCommand,
  ECSClient,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  type Task,
} from "@aws-sdk/client-ecs";
import { CloudWatchLogsClient, CreateLogGroupCommand } from "@aws-sdk/client-cloudwatch-logs";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { runOnAws } from "../../scripts/models/aws";
import type { ModelsArgs } from "../../scripts/models/run";
import type { Model } from "../../stack/config/models";
import { modelSet } from "../../stack/config/model-set";
import { settingsSchema } from "../../stack/config/schema";
import { IMAGES } from "../../stack/images/catalog";
import { Emulator } from "../harness/emulator";
import { baseOf } from "../harness/images";

const CLUSTER = "spatialforge-dev";
const LOG_GROUP = "model-download";
const MODELS: Model[] = ["owner/depth@v1"];

/** In place of the entrypoint of the image. Its first argument is the name of the command. */
const ENTRYPOINT = `echo "$0 $*: $MODELS"
case "$*" in --list) exit 0;; esac
case "$MODE" in fails) echo "not downloaded: owner/depth@v1"; exit 1;; waits) trap 'exit 143' TERM; sleep 600 & wait $!;; esac`;

let emulator: Emulator;
let ecs: ECSClient;

beforeAll(async () => {
  emulator = await Emulator.start({ tasks: true });
  ecs = new ECSClient(emulator.clientConfig);
  const { endpoint, region, credentials } = emulator.clientConfig; // for the clients of the command
  vi.stubEnv("AWS_ENDPOINT_URL", endpoint);
  vi.stubEnv("AWS_REGION", region);
  vi.stubEnv("AWS_ACCESS_KEY_ID", credentials.accessKeyId);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", credentials.secretAccessKey);
  await ecs.send(new CreateClusterCommand({ clusterName: CLUSTER, capacityProviders: ["FARGATE"] }));
  await new CloudWatchLogsClient(emulator.clientConfig).send(new CreateLogGroupCommand({ logGroupName: LOG_GROUP }));
  const ec2 = new EC2Client(emulator.clientConfig); // a new account has a default VPC
  const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand({}));
  const { SecurityGroups = [] } = await ec2.send(new DescribeSecurityGroupsCommand({}));
  const [subnets, securityGroups] = [[Subnets[0].SubnetId!], [SecurityGroups[0].GroupId!]];
  const networkConfiguration = { awsvpcConfiguration: { subnets, securityGroups } };
  const taskDefinition = await deploy("works");
  const worker = { cluster: CLUSTER, serviceName: "worker", taskDefinition, desiredCount: 0, networkConfiguration };
  await ecs.send(new CreateServiceCommand(worker));
});
afterAll(() => emulator.stop());

/** Registers the task definition of the download as a deployed stack has it. Returns its ARN. */
async function deploy(mode: "works" | "fails" | "waits", models = MODELS): Promise<string> {
  const { downloadEnvironment } = modelSet({ models, requireModels: true });
  const environment = Object.entries({ ...downloadEnvironment, MODE: mode }).map(([name, value]) => ({ name, value }));
  const options = {
    "awslogs-group": LOG_GROUP,
    "awslogs-region": "us-east-1",
    "awslogs-stream-prefix": "model-download",
  };
  const container = {
    name: "model-download",
    image: baseOf(IMAGES.find(({ name }) => name === "cpu")!),
    entryPoint: ["sh", "-c", ENTRYPOINT],
    command: ["download-models"],
    environment,
    logConfiguration: { logDriver: "awslogs" as const, options },
  };
  const command = new RegisterTaskDefinitionCommand({
    family: `${CLUSTER}-model-download`,
    containerDefinitions: [container],
    requiresCompatibilities: ["FARGATE"],
    networkMode: "awsvpc",
    cpu: "256",
    memory: "512",
  });
  return (await ecs.send(command)).taskDefinition!.taskDefinitionArn!;
}

/** Runs the command with settings of the stack dev. Returns whether it has succeeded, and its output. */
async function run(args: Partial<ModelsArgs> = {}, models = MODELS, stack = "dev") {
  const lines: string[] = [];
  const settings = settingsSchema.parse({ models });
  const succeeded = await runOnAws({
    stack: { name: stack, settings, awsName: `spatialforge-${stack}` },
    listOnly: false,
    signal: new AbortController().signal,
    log: (line) => void lines.push(line),
    ...args,
  });
  return { succeeded, text: lines.join("\n") };
}

it("runs the download of the deployed stack, and prints its states and its log", async () => {
  const { succeeded, text } = await run();
  expect(succeeded).toBe(true);
  expect(text).toContain('download-models : ["owner/depth@v1"]');
  expect(text).toMatch(/the task starts, and its image is pulled|the task is running/);
});

it("lists the volume, also if the settings have other models", async () => {
  const { succeeded, text } = await run({ listOnly: true }, []);
  expect(succeeded).toBe(true);
  expect(text).toContain("download-models --list: ");
});

it("reports a download that fails, with its log and its exit code", async () => {
  await deploy("fails");
  const { succeeded, text } = await run();
  expect(succeeded).toBe(false);
  expect(text).toMatch(/not downloaded: owner\/depth@v1\n(.*\n)*task \w+: .*exit code 1/);
});

it("stops the task when it is interrupted", async () => {
  await deploy("waits");
  const interrupt = new AbortController();
  const log = (line: string) => void (line.startsWith("download-models") && interrupt.abort());
  await expect(run({ signal: interrupt.signal, log })).rejects.toThrow("interrupted: the task is stopped");
  await vi.waitFor(
    async () => expect((await stoppedTasks())[0]?.stoppedReason).toBe("interrupted by the user"),
    30_000,
  );
});

async function stoppedTasks(): Promise<Task[]> {
  const { taskArns } = await ecs.send(new ListTasksCommand({ cluster: CLUSTER, desiredStatus: "STOPPED" }));
  const { tasks = [] } = await ecs.send(new DescribeTasksCommand({ cluster: CLUSTER, tasks: taskArns }));
  return tasks.sort((a, b) => Number(b.createdAt) - Number(a.createdAt));
}

it.each([
  [
    ["owner/pose"],
    "dev",
    "Pulumi.dev.yaml has other models than the deployed stack: owner/pose instead of owner/depth@v1",
  ],
  [
    MODELS,
    "prod",
    "The stack prod is not deployed: in this region there is no task definition spatialforge-prod-model-download",
  ],
])("refuses %j on %s with the remedy", async (models, stack, message) => {
  await expect(run({}, models, stack)).rejects.toThrow(message);
});

it("refuses to download if the stack names no models", async () => {
  await deploy("works", []);
  await expect(run({}, [])).rejects.toThrow("Pulumi.dev.yaml names no models. Add one");
});
