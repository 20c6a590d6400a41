import { CloudWatchClient, DescribeAlarmsCommand, PutMetricAlarmCommand } from "@aws-sdk/client-cloudwatch";
import { CloudWatchLogsClient, CreateLogGroupCommand } from "@aws-sdk/client-cloudwatch-logs";
import { CreateSubnetCommand, CreateVpcCommand, EC2Client } from "@aws-sdk/client-ec2";
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DescribeServicesCommand,
  ECSClient,
  ListServiceDeploymentsCommand,
  RegisterTaskDefinitionCommand,
  UpdateServiceCommand,
} from "@aws-sdk/client-ecs";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { descriptionOf, PERIOD_S } from "../../stack/aws/operations/alarms/alarm";
import { deploymentAlarms } from "../../stack/aws/operations/alarms/deployment-alarms";
import { waitForDeployment } from "../../stack/aws/operations/rollout/deployment";
import { IMAGES } from "../../stack/images/catalog";
import { Emulator } from "../harness/emulator";
import { until } from "../harness/engine";
import { baseOf } from "../harness/images";
import { Load } from "../harness/load";

const IMAGE = baseOf(IMAGES.find(({ name }) => name === "cpu")!);
const SERVICE = "api";
const PORT = 8000;
const LOG_GROUP = "deployment-alarms";
/** A minute in AWS has two seconds. */
const SPEED = 30;
/** Seconds. Requests to the good version take some milliseconds. */
const P95_LATENCY = 1;
/** Number of requests at the same time. */
const CLIENTS = 4;

/** A server that answers after some seconds, and returns 500 to a share of the requests. Its health check always succeeds. */
const server = (seconds: number, errors: number): string => `
import random, signal, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        is_check = self.path == "/health"
        time.sleep(0 if is_check else ${seconds})
        self.send_response(500 if not is_check and random.random() < ${errors} else 200)
        self.send_header("content-length", "0")
        self.end_headers()
    def log_message(self, *_): pass
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
ThreadingHTTPServer(("0.0.0.0", ${PORT}), Handler).serve_forever()`;

const GOOD = server(0.01, 0);

let emulator: Emulator;
let ecs: ECSClient;
let cloudWatch: CloudWatchClient;
let url: string;

beforeAll(async () => {
  emulator = await Emulator.start({ tasks: true, speed: SPEED });
  const { endpoint, region, credentials } = emulator.clientConfig; // for the clients of the program
  vi.stubEnv("AWS_ENDPOINT_URL", endpoint);
  vi.stubEnv("AWS_REGION", region);
  vi.stubEnv("AWS_ACCESS_KEY_ID", credentials.accessKeyId);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", credentials.secretAccessKey);
  ecs = new ECSClient(emulator.clientConfig);
  cloudWatch = new CloudWatchClient(emulator.clientConfig);
  await ecs.send(new CreateClusterCommand({ clusterName: "default" }));
  await new CloudWatchLogsClient(emulator.clientConfig).send(new CreateLogGroupCommand({ logGroupName: LOG_GROUP }));
  const { balancer, targetGroup, host } = await createLoadBalancer();
  const suffix = (arn: string) => arn.split(":")[5];
  const names = await putAlarms({
    arnSuffix: suffix(balancer).replace("loadbalancer/", ""),
    targetGroupArnSuffix: suffix(targetGroup),
  });
  await ecs.send(
    new CreateServiceCommand({
      serviceName: SERVICE,
      taskDefinition: await definition(GOOD),
      desiredCount: 2,
      loadBalancers: [{ targetGroupArn: targetGroup, containerName: SERVICE, containerPort: PORT }],
      deploymentConfiguration: {
        deploymentCircuitBreaker: { enable: true, rollback: true },
        alarms: { alarmNames: names, enable: true, rollback: true },
      },
    }),
  );
  await until("the load balancer answers", 20, () => {
    try {
      const address = emulator.addressOf(host, 80);
      return (url = `http://${address.host}:${address.port}/v1/depth`);
    } catch {
      return false; // the emulator has not written its address yet
    }
  });
  await settled();
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await emulator.stop();
});

/** A load balancer that forwards all requests to a target group. */
async function createLoadBalancer() {
  const ec2 = new EC2Client(emulator.clientConfig);
  const { Vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock: "10.9.0.0/16" }));
  const { Subnet } = await ec2.send(new CreateSubnetCommand({ VpcId: Vpc!.VpcId!, CidrBlock: "10.9.0.0/24" }));
  const call = (action: string, parameters: Record<string, unknown>) =>
    emulator.call("elasticloadbalancing", action, { Version: "2015-12-01", ...parameters });
  const tag = (text: string, name: string) => new RegExp(`<${name}>([^<]+)</${name}>`).exec(text)![1];
  const created = await call("CreateLoadBalancer", { Name: SERVICE, "Subnets.member.1": Subnet!.SubnetId! });
  const balancer = tag(created, "LoadBalancerArn");
  const group = {
    ...{ Name: SERVICE, VpcId: Vpc!.VpcId!, Port: String(PORT), Protocol: "HTTP", TargetType: "ip" },
    ...{ HealthCheckPath: "/health", HealthCheckTimeoutSeconds: "5", HealthyThresholdCount: "2" },
  };
  const targetGroup = tag(await call("CreateTargetGroup", group), "TargetGroupArn");
  await call("CreateListener", {
    ...{ LoadBalancerArn: balancer, Port: "80", Protocol: "HTTP" },
    ...{ "DefaultActions.member.1.Type": "forward", "DefaultActions.member.1.TargetGroupArn": targetGroup },
  });
  return { balancer, targetGroup, host: tag(created, "DNSName") };
}

/** Creates the alarms of the program. Returns their names. */
async function putAlarms(loadBalancer: { arnSuffix: string; targetGroupArnSuffix: string }): Promise<string[]> {
  const alarms = Object.entries(deploymentAlarms({ loadBalancer, p95Latency: P95_LATENCY }));
  for (const [id, alarm] of alarms) {
    const { statistic, dimensions } = alarm;
    await cloudWatch.send(
      new PutMetricAlarmCommand({
        AlarmName: `${SERVICE}-deployment-${id}`,
        AlarmDescription: descriptionOf(alarm),
        Namespace: alarm.namespace,
        MetricName: alarm.metric,
        Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value: Value as string })),
        ...(statistic === "p95" ? { ExtendedStatistic: statistic } : { Statistic: statistic }),
        Period: PERIOD_S,
        EvaluationPeriods: alarm.minutes,
        ComparisonOperator: alarm.comparison,
        Threshold: alarm.threshold,
        TreatMissingData: alarm.treatMissingData,
      }),
    );
  }
  return alarms.map(([id]) => `${SERVICE}-deployment-${id}`);
}

async function definition(code: string): Promise<string> {
  const options = { "awslogs-group": LOG_GROUP, "awslogs-region": "us-east-1", "awslogs-stream-prefix": SERVICE };
  const get = `import urllib.request; urllib.request.urlopen("http://127.0.0.1:${PORT}/health")`;
  const container = {
    name: SERVICE,
    image: IMAGE,
    command: ["python3", "-c", code],
    memory: 128,
    portMappings: [{ containerPort: PORT }],
    healthCheck: { command: ["CMD", "python3", "-c", get], interval: 1, timeout: 5, retries: 5 },
    logConfiguration: { logDriver: "awslogs" as const, options },
  };
  const { taskDefinition } = await ecs.send(
    new RegisterTaskDefinitionCommand({
      family: SERVICE,
      cpu: "256",
      memory: "128",
      containerDefinitions: [container],
    }),
  );
  return taskDefinition!.taskDefinitionArn!;
}

const describeService = async () => (await ecs.send(new DescribeServicesCommand({ services: [SERVICE] }))).services![0];

/** The service has completed a deployment, and its alarms are in OK. */
const settled = () =>
  until("the service is settled", 60, async () => {
    const { deployments } = await describeService();
    const { MetricAlarms = [] } = await cloudWatch.send(new DescribeAlarmsCommand({}));
    return deployments![0].rolloutState === "COMPLETED" && MetricAlarms.every(({ StateValue }) => StateValue === "OK");
  });

/** Deploys a version as an update does, under a steady load. Returns the message of the update, what it logged, and the number of failed requests. */
async function rollOut(code: string): Promise<{ message: string; log: string[]; sent: number; failed: number }> {
  await settled();
  const before = (await describeService()).taskDefinition;
  const taskDefinition = await definition(code);
  const load = Array.from({ length: CLIENTS }, () => new Load(async () => (await fetch(url)).ok));
  const log: string[] = [];
  await ecs.send(new UpdateServiceCommand({ service: SERVICE, taskDefinition }));
  const target = { cluster: "default", service: SERVICE, taskDefinition, minTasks: 2, stopTimeout: 30, timeout: 60 };
  const message = await waitForDeployment({
    ...target,
    log: (line) => void log.push(line),
    signal: new AbortController().signal,
  }).then(
    () => "",
    (error: Error) => error.message,
  );
  const results = await Promise.all(load.map((one) => one.stop()));
  const sum = (key: "sent" | "failed") => results.reduce((total, result) => total + result[key], 0);
  const expected = message ? before : taskDefinition;
  // ECS still lists the failed deployment for a moment.
  const [primary] = (await describeService()).deployments!;
  expect(primary).toMatchObject({ status: "PRIMARY", taskDefinition: expected, rolloutState: "COMPLETED" });
  return { message, log, sent: sum("sent"), failed: sum("failed") };
}

const lastStatus = async () =>
  (await ecs.send(new ListServiceDeploymentsCommand({ service: SERVICE }))).serviceDeployments![0].status;

it("a version that works is deployed, after ECS has watched the alarms", async () => {
  const { message, log, sent, failed } = await rollOut(server(0.02, 0));
  expect(message).toBe("");
  expect(log.at(-1)).toBe("2 of 2 new tasks are healthy, ECS watches the alarms for some minutes");
  expect(sent).toBeGreaterThan(50);
  expect(failed).toBe(0);
});

it("a version that is slow is ended by the p95 alarm and rolled back, and no request fails", async () => {
  const { message, sent, failed } = await rollOut(server(1.5, 0));
  expect(message).toMatch(/^api: the new version failed: ECS deployment ecs-svc\/\d+ failed: alarm detected\.$/m);
  expect(message).toMatch(/^the alarm api-deployment-p95 was in ALARM\. Runbook: docs\/operations\.md#slow-requests$/m);
  expect(message).toMatch(/^api: the previous version is running$/m);
  expect(await lastStatus()).toBe("ROLLBACK_SUCCESSFUL");
  expect(sent).toBeGreaterThan(20);
  expect(failed).toBe(0);
});

it("a version that returns 500 is ended by the 5xx alarm and rolled back: the number of failed requests is bounded", async () => {
  const { message, sent, failed } = await rollOut(server(0.01, 0.5));
  expect(message).toMatch(
    /^the alarm api-deployment-5xx was in ALARM\. Runbook: docs\/operations\.md#errors-of-the-api$/m,
  );
  expect(message).toMatch(/^api: the previous version is running$/m);
  console.log(`5xx alarm: ${failed} of ${sent} requests failed`);
  expect(failed).toBeGreaterThan(5);
  // All requests to the new version fail at most until the alarm and the rollback: half of those of 4 minutes in AWS.
  expect(failed).toBeLessThan((CLIENTS * 10 * 4 * PERIOD_S) / SPEED / 2);
});

it("a deployment that starts while an alarm is in ALARM is not ended by alarms, so a fix can be deployed", async () => {
  await cloudWatch.send(
    new PutMetricAlarmCommand({
      ...{ AlarmName: `${SERVICE}-deployment-5xx`, Namespace: "Test", MetricName: "None", Statistic: "Sum" },
      ...{ Period: PERIOD_S, EvaluationPeriods: 1, ComparisonOperator: "GreaterThanThreshold", Threshold: 0 },
      TreatMissingData: "breaching",
    }),
  );
  await until("the alarm is in ALARM", 20, async () => {
    const { MetricAlarms } = await cloudWatch.send(new DescribeAlarmsCommand({ StateValue: "ALARM" }));
    return MetricAlarms!.length === 1;
  });
  const taskDefinition = await definition(server(0.03, 0));
  await ecs.send(new UpdateServiceCommand({ service: SERVICE, taskDefinition }));
  await until("the deployment is complete", 60, async () => {
    const { deployments } = await describeService();
    return deployments![0].taskDefinition === taskDefinition && deployments![0].rolloutState === "COMPLETED";
  });
});
