import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { ECRClient, PutImageCommand } from "@aws-sdk/client-ecr";
import { DeleteParameterCommand, PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { digestOf } from "../../stack/registry/registry";
import { ROOT } from "../../stack/root";
import { docker, until } from "./engine";

/** Fault of the deployments of a service that start from now on. test/aws/emulator/services.py describes each. */
export type Fault =
  | { mode: "stop"; exitCode?: number; reason?: string; log?: string }
  | { mode: "stall" }
  | { mode: "protected"; seconds: number };

/** Fault of the GPU hosts, as the service `hosts`. test/aws/emulator/tasks/hosts.py describes each. */
export type HostFault = { mode: "refuse" | "unhealthy"; reason: string } | { mode: "die" };

/** Limits of the account, as the services `quotas` and `zones`. test/aws/emulator/account_limits.py describes both. */
export type AccountLimit = Record<string, number | "denied"> | string[];

/** Result of all image scans, as the service `image-scans`. test/aws/emulator/image_scans.py describes it. */
export interface ImageScanFault {
  status?: string;
  description?: string;
  findings?: { name: string; severity: string }[];
}

/** An emulated AWS, which starts without resources. `EMULATOR_PYTHON` is a Python that has moto. */
export class Emulator {
  private constructor(
    private readonly process: ChildProcess,
    readonly url: string,
    /** Value of the label of everything that the emulator creates on the Docker engine. */
    readonly run: string,
    /** Folder for the files that the emulator and the test exchange. The engine can mount them. */
    private readonly folder: string,
  ) {}

  /**
   * @param options - `tasks`: ECS runs its tasks on the Docker engine. Default: services have deployments without tasks. `speed`: how much
   * shorter than in AWS the times are that the emulator owns (test/aws/emulator/tasks/clock.py).
   */
  static async start({ tasks = false, speed = 100 } = {}): Promise<Emulator> {
    const port = await freePort();
    const script = join(ROOT, "test", "aws", "emulator", "emulator.py");
    const env = { ...process.env, MOTO_IAM_LOAD_MANAGED_POLICIES: "true", MOTO_ACM_VALIDATION_WAIT: "1" };
    const run = `spatialforge-cloud-${randomBytes(4).toString("hex")}`;
    const folder = mkdtempSync("/tmp/spatialforge-emulator-");
    const files = { EMULATOR_ADDRESSES: addressesIn(folder), EMULATOR_NVML: tasks ? fakeDriver(folder) : "" };
    const mode = tasks ? { EMULATOR_TASKS: "1", EMULATOR_RUN: run, EMULATOR_SPEED: String(speed), ...files } : {};
    const python = process.env.EMULATOR_PYTHON ?? "python3";
    const child = spawn(python, [script, "-H", "127.0.0.1", "-p", String(port)], {
      env: { ...env, ...mode },
      stdio: ["ignore", "ignore", process.env.EMULATOR_DEBUG ? "inherit" : "ignore"],
    });
    const emulator = new Emulator(child, `http://127.0.0.1:${port}`, run, folder);
    let failure = "";
    child.once("error", ({ message }) => (failure = message));
    child.once("exit", (code) => (failure = `exit code ${code}`));
    try {
      await until("the emulated AWS answers", 60, () => {
        if (failure)
          throw new Error(`the emulated AWS did not start (${failure}): set EMULATOR_DEBUG=1 to see its output`);
        return fetch(`${emulator.url}/moto-api/data.json`).then(
          ({ ok }) => ok,
          () => false,
        );
      });
    } catch (error) {
      await emulator.stop();
      throw error;
    }
    return emulator;
  }

  /** Configuration for an AWS SDK client. */
  get clientConfig() {
    const credentials = { accessKeyId: "test", secretAccessKey: "test" };
    return { endpoint: this.url, region: process.env.AWS_REGION ?? "us-east-1", credentials };
  }

  /**
   * Calls an AWS service that has no client in this project.
   * @param service - name for signatures, such as `monitoring`
   * @param action - with a dot: `X-Amz-Target` of the JSON protocol. Otherwise: name in the query protocol; `parameters` has the version.
   * @throws Error with the response if the service refuses the call.
   */
  async call(service: string, action: string, parameters: Record<string, unknown>): Promise<string> {
    const json = action.includes(".");
    const form = new URLSearchParams({ Action: action, ...(parameters as Record<string, string>) });
    const response = await fetch(this.url, {
      method: "POST",
      headers: {
        authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/${this.clientConfig.region}/${service}/aws4_request`,
        ...(json ? { "content-type": "application/x-amz-json-1.1", "x-amz-target": action } : {}),
      },
      body: json ? JSON.stringify(parameters) : form,
    });
    const text = await response.text();
    if (!response.ok) throw new Error(text);
    return text;
  }

  /** Runs a function while a service, or the hosts, have a fault, or the account has a limit. */
  async withFault<T>(
    service: string,
    fault: Fault | HostFault | AccountLimit | ImageScanFault,
    run: () => Promise<T>,
  ): Promise<T> {
    const ssm = new SSMClient(this.clientConfig);
    const Name = `/emulator/${service}`;
    await ssm.send(new PutParameterCommand({ Name, Value: JSON.stringify(fault), Type: "String" }));
    try {
      return await run();
    } finally {
      await ssm.send(new DeleteParameterCommand({ Name }));
    }
  }

  /** Address on this machine of an endpoint, such as a load balancer or a bucket. */
  addressOf(host: string, port: number): { host: string; port: number } {
    const addresses = JSON.parse(readFileSync(addressesIn(this.folder), "utf8")) as Record<string, string>;
    const address = addresses[`${host}:${port}`];
    if (!address) throw new Error(`${host}:${port} is none of ${Object.keys(addresses).join(", ")}`);
    const url = new URL(`http://${address}`);
    return { host: url.hostname, port: Number(url.port) };
  }

  /** Number of resources of each kind. */
  async resourceCounts(): Promise<Record<string, number>> {
    const all = (await (await fetch(`${this.url}/moto-api/data.json`)).json()) as Record<
      string,
      Record<string, number>
    >;
    return Object.fromEntries(
      Object.entries(all).flatMap(([service, kinds]) =>
        Object.entries(kinds).map(([kind, count]) => [`${service} ${kind}`, count] as const),
      ),
    );
  }

  /** Registers an image with the emulated ECR API that was pushed to the registry. */
  async putImage(repositoryName: string, imageTag: string, imageManifest: string): Promise<void> {
    const imageDigest = digestOf(Buffer.from(imageManifest));
    const command = new PutImageCommand({ repositoryName, imageTag, imageManifest, imageDigest });
    await new ECRClient(this.clientConfig).send(command);
  }

  /** Stops the emulator, which removes what it has created on the Docker engine. */
  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.process.once("exit", resolve));
    if (this.process.exitCode === null && this.process.kill()) await ended;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const addressesIn = (folder: string): string => join(folder, "addresses.json");

/** The base of the stage that compiles the fake driver. */
const COMPILER = "python:3.12-slim";

/** Builds the fake NVIDIA driver of the image tests. Returns the path of its library. */
function fakeDriver(folder: string): string {
  const tag = "spatialforge-test:nvml";
  docker(
    "build",
    "-q",
    "-t",
    tag,
    "--target",
    "compiled",
    "--build-arg",
    `IMAGE=${COMPILER}`,
    join(ROOT, "test", "images", "nvml"),
  );
  const container = docker("create", tag);
  docker("cp", `${container}:/nvml/libnvidia-ml.so.1`, folder);
  docker("rm", container);
  return join(folder, "libnvidia-ml.so.1");
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
