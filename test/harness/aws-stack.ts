import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DescribeServicesCommand, DescribeTaskDefinitionCommand, ECSClient } from "@aws-sdk/client-ecs";
import { GetSecretValueCommand, ListSecretsCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { expect } from "vitest";
import { parseDocument } from "yaml";
import type { ReleaseList } from "../../scripts/releases/list";
import type { AwsStackName } from "../../scripts/stack-file";
import type { ImageName } from "../../stack/images/catalog";
import { cacheTag } from "../../stack/registry/tags";
import { ROLES } from "../../stack/roles";
import { ROOT } from "../../stack/root";
import { Clone } from "./clone";
import type { Ecr } from "./ecr";
import { docker, dockerStatus, until } from "./engine";
import { Emulator } from "./emulator";

/** A resource, as the exported state has it. */
export interface StateResource {
  urn: string;
  type: string;
  inputs: Record<string, any>; // eslint-disable-line @typescript-eslint/no-explicit-any
  dependencies?: string[];
}

/** A change that an update made to a resource. */
export interface Change {
  op: string;
  type: string;
  name: string;
}

/** URNs of the task definitions of the roles. */
const TASK_DEFINITION = new RegExp(`TaskDefinition::(${ROLES.map(({ name }) => name).join("|")})-task-definition$`);

/** A stack of the platform aws: a clone in which the Pulumi CLI runs against an emulated AWS. */
export class AwsStack {
  emulator!: Emulator;
  /** Two clones, as two machines with the same commit have them. */
  readonly clones = [new Clone(), new Clone()];
  private readonly state = mkdtempSync(join(tmpdir(), "spatialforge-state-"));
  private initialCounts: Record<string, number> = {};
  /** Everything that the CLI printed. */
  log = "";

  /** @param settings - in addition to those of the stack file, by YAML path below `config` */
  constructor(
    readonly stack: AwsStackName,
    readonly ecr: Ecr,
    private readonly settings: Record<string, unknown>,
    private readonly options: { tasks?: boolean } = {},
  ) {}

  async start(): Promise<void> {
    this.emulator = await Emulator.start(this.options);
    this.clones.forEach((clone) => this.configure(clone));
    this.ecr.onTag(this.repository, (tag, manifest) => this.emulator.putImage(this.repository, tag, manifest));
  }

  /** Counts the resources in AWS before the first update: those of the test itself, and those that every account has. */
  async countInitialResources(): Promise<void> {
    this.initialCounts = await this.emulator.resourceCounts();
  }

  /** Kinds of AWS resources of which there are more than before the first update. */
  async remainingResources(): Promise<string[]> {
    const counts = await this.emulator.resourceCounts();
    return Object.keys(counts).filter((kind) => counts[kind] > this.initialCounts[kind]);
  }

  get repository(): string {
    return `spatialforge-${this.stack}`;
  }

  /** A base image with another digest. */
  private get otherBase(): string {
    return `spatialforge-test/base:${this.stack}`;
  }

  get clone(): Clone {
    return this.clones[0];
  }

  get secondMachine(): Clone {
    return this.clones[1];
  }

  private configure(clone: Clone): void {
    clone.linkDependencies();
    const common = {
      "aws:region": "us-east-1",
      "aws:maxRetries": "2",
      "spatialforge:app": { path: "sample-app" },
      "spatialforge:promoteFrom": "", // a test that promotes sets it
      "spatialforge:aws/minHealthyTime": 0,
      "spatialforge:bases": {}, // the default tags: the engine does not have the images that the settings file pins
    };
    for (const [key, value] of Object.entries({ ...common, ...this.settings })) this.set(key, value, clone);
  }

  /** Changes a setting. Its key is a path, as in `spatialforge:bases/cpu`. */
  set(key: string, value: unknown, clone = this.clone): void {
    const file = join(clone.folder, `Pulumi.${this.stack}.yaml`);
    const document = parseDocument(readFileSync(file, "utf8"));
    document.setIn(["config", ...key.split("/")], document.createNode(value));
    writeFileSync(file, document.toString());
  }

  /** The environment of a command, as a line of shell. */
  get env(): string {
    const ignore = ["imageTagMutability=MUTABLE", "imageTagMutabilityExclusionFilters"];
    return Object.entries({
      PULUMI_BACKEND_URL: `file://${this.state}`,
      PULUMI_CONFIG_PASSPHRASE: "for tests only",
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_SKIP_CONFIRMATIONS: "true",
      // Node warns about a file that does not exist.
      ...(existsSync(this.ecr.certificate) && { NODE_EXTRA_CA_CERTS: this.ecr.certificate }),
      AWS_ENDPOINT_URL: this.emulator.url,
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "test",
      AWS_EC2_METADATA_DISABLED: "true",
      // The provider of the test environment does not support these inputs. Unit tests cover them.
      LAB_AWS_IGNORE: ignore.map((name) => `aws:ecr/repository:Repository.${name}`).join(),
    })
      .map(([name, value]) => `export ${name}='${value}'; `)
      .join("");
  }

  private cli(command: string): string {
    return `pulumi ${command} --stack ${this.stack} --non-interactive`;
  }

  /** Runs a command of the CLI on the stack. */
  async run(command: string, clone = this.clone, env = ""): Promise<{ code: number | null; text: string }> {
    return this.line(`${env} ${this.cli(command)}`, clone);
  }

  /** Runs a line of shell. */
  async line(line: string, clone = this.clone): Promise<{ code: number | null; text: string }> {
    const done = await clone.run(this.env + line);
    this.log += done.text;
    return done;
  }

  /** Runs a line of shell, as the documentation has it. It must succeed. */
  async mustLine(line: string, clone = this.clone): Promise<string> {
    const { code, text } = await this.line(line, clone);
    expect(code, text).toBe(0);
    return text;
  }

  /** Runs a command of the CLI. It must succeed. */
  async must(command: string, clone = this.clone): Promise<string> {
    return this.mustLine(this.cli(command), clone);
  }

  up = (): Promise<string> => this.must("up --yes --skip-preview");

  /** Expects a preview without changes. */
  async expectUnchanged(clone = this.clone): Promise<void> {
    await this.must("preview --expect-no-changes", clone);
  }

  /** The resources that an update changed. */
  async changes(update = this.up()): Promise<Change[]> {
    const lines = (await update).matchAll(
      /^ [~+-]{1,2} +(\S+) (\S+) (created|updated|replaced|deleted) (?!original|replacement)/gm,
    );
    return [...lines].map(([, type, name, op]) => ({ op, type, name }));
  }

  async resources(): Promise<StateResource[]> {
    const { deployment } = JSON.parse(await this.must("stack export")) as {
      deployment: { resources?: StateResource[] };
    };
    return deployment.resources ?? [];
  }

  /** The tags of the releases that are recorded. */
  async releaseTags(): Promise<string[]> {
    return Object.keys(await this.ecr.digests(this.repository)).filter((tag) => tag.startsWith("release-"));
  }

  async outputs(): Promise<{
    url: string;
    release: string;
    images: Record<string, string>;
    verified: Record<string, string>;
  }> {
    return JSON.parse(await this.must("stack output --json")) as never;
  }

  /** What `npm run releases` says about the stack. */
  async releases(): Promise<ReleaseList> {
    return JSON.parse(await this.mustLine(`npm run -s releases -- --stack ${this.stack} --json`)) as ReleaseList;
  }

  /** Starts a command and does not wait for it. `kill` ends all its processes at once, as the loss of a machine does. */
  begin(command: string): { kill: () => void } {
    const child = spawn("bash", ["-c", `${this.env} exec ${this.cli(command)}`], {
      cwd: this.clone.folder,
      detached: true,
      stdio: "ignore",
    });
    const kill = () => {
      process.kill(-(child.pid ?? 0), "SIGKILL");
      // The child processes of the CLI have their own process groups.
      for (const pid of this.clone.pids()) process.kill(pid, "SIGKILL");
    };
    return { kill };
  }

  /** The image that ECS runs for a service. */
  async runningImage(service: string): Promise<string | undefined> {
    const ecs = new ECSClient(this.emulator.clientConfig);
    const cluster = `spatialforge-${this.stack}`;
    const { services = [] } = await ecs.send(new DescribeServicesCommand({ cluster, services: [service] }));
    const command = new DescribeTaskDefinitionCommand({ taskDefinition: services[0].taskDefinition });
    return (await ecs.send(command)).taskDefinition?.containerDefinitions?.[0].image;
  }

  /** The image in the task definition of each role, according to the state. */
  async imagesByRole(): Promise<Record<string, string>> {
    const definitions = (await this.resources()).filter(({ urn }) => TASK_DEFINITION.test(urn));
    return Object.fromEntries(
      definitions.map(({ urn, inputs }) => [
        TASK_DEFINITION.exec(urn)![1],
        (JSON.parse(inputs.containerDefinitions) as { image: string }[])[0].image,
      ]),
    );
  }

  /** Expects the value of no secret in the exported state, in the CLI's output, or in the images. */
  async expectNoSecrets(): Promise<void> {
    // The ID of an access key is not secret.
    const values = (await this.secrets()).filter((value) => !value.startsWith("AKIA"));
    expect(values.length).toBeGreaterThanOrEqual(4);
    const state = await this.must("stack export");
    const images = Object.values((await this.outputs()).images).map(
      (image) => docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", image) + docker("inspect", image),
    );
    for (const value of values) {
      for (const text of [state, this.log, ...images]) expect(text.includes(value), "contains a secret").toBe(false);
    }
  }

  /** The values of all secrets. */
  private async secrets(): Promise<string[]> {
    const client = new SecretsManagerClient(this.emulator.clientConfig);
    const { SecretList = [] } = await client.send(new ListSecretsCommand({}));
    const values = SecretList.map(({ ARN }) => client.send(new GetSecretValueCommand({ SecretId: ARN })));
    // The password in a URL is a secret by itself.
    const parts = (text: string) => [text, ...(URL.canParse(text) ? [new URL(text).password].filter(Boolean) : [])];
    return (await Promise.all(values)).flatMap(({ SecretString = "" }) => parts(SecretString));
  }

  /** Changes the base of the CPU image to one with another digest. */
  changeBase(): void {
    docker("build", "-q", "-t", this.otherBase, join(ROOT, "test", "aws", "base"));
    this.set("spatialforge:bases/cpu", this.otherBase);
  }

  /** Starts an update, kills it when it has pushed an image, and removes its lock. */
  async upKilledAfterPush(image: ImageName): Promise<void> {
    const pushed = async () => (await this.ecr.digests(this.repository))[cacheTag(image)];
    const before = await pushed();
    const update = this.begin("up --yes --skip-preview");
    await until("the image is pushed", 90, async () => (await pushed()) !== before);
    update.kill();
    await this.must("cancel --yes");
  }

  /** Text of a file of the clone. */
  read(file: string): string {
    return this.clone.read(file);
  }

  /** Changes a file of the clone. */
  edit(file: string, change: (text: string) => string): void {
    this.clone.edit(file, change);
  }

  /** Commits all files of the clone, so that they are the base of a change. */
  async commit(): Promise<void> {
    const author = "-c user.name=test -c user.email=test@example.org";
    const files = "git add -A -- . ':!node_modules'";
    await this.mustLine(`git init -q && ${files} && git ${author} commit -q --allow-empty -m base`);
  }

  /** Undoes the changes of files that are committed. */
  async restore(): Promise<void> {
    await this.mustLine("git checkout -q .");
  }

  /** Runs `npm run preview:summary`. Returns its output without that for the terminal. */
  async summary(options: string): Promise<{ code: number | null; text: string }> {
    return this.line(`npm run -s preview:summary -- --stack ${this.stack} ${options} 2>/dev/null`);
  }

  async stop(): Promise<void> {
    dockerStatus("rmi", this.otherBase);
    this.clones.forEach((clone) => clone.remove());
    rmSync(this.state, { recursive: true, force: true });
    await this.emulator?.stop(); // undefined if no test of the stack ran
  }
}
