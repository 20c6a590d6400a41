import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DescribeServicesCommand, DescribeTaskDefinitionCommand, ECSClient } from "@aws-sdk/client-ecs";
import { GetSecretValueCommand, ListSecretsCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { expect } from "vitest";
import { parseDocument } from "yaml";
import type { AwsStackName } from "../../scripts/stack-file";
import type { ImageName } from "../../stack/images/table";
import { cacheTag } from "../../stack/release/registry";
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

/** A change of a resource that an update made. */
export interface Change {
  op: string;
  type: string;
  name: string;
}

const SERVICES = /::(api|worker|beat)$/;

export const nameOf = (urn: string): string => urn.split("::").at(-1) ?? "";

/** A stack of the platform aws, in a clone, by the Pulumi CLI against an emulated AWS. */
export class AwsStack {
  emulator!: Emulator;
  /** Two machines with the same commit. */
  readonly clones = [new Clone(), new Clone()];
  private readonly state = mkdtempSync(join(tmpdir(), "spatialforge-state-"));
  private before: Record<string, number> = {};
  /** All that the CLI said. */
  log = "";

  /** @param settings - beside those of the stack's own file, as YAML paths below `config` */
  constructor(
    readonly stack: AwsStackName,
    readonly ecr: Ecr,
    private readonly settings: Record<string, unknown>,
  ) {}

  async start(): Promise<void> {
    this.emulator = await Emulator.start();
    this.clones.forEach((clone) => this.configure(clone));
    this.ecr.onTag(this.repository, (tag, manifest) => this.emulator.putImage(this.repository, tag, manifest));
  }

  /** Notes what there is in AWS before the first update: what the test itself made, and what comes with an account. */
  async note(): Promise<void> {
    this.before = await this.emulator.things();
  }

  /** What there is in AWS that was not there at the start. */
  async left(): Promise<string[]> {
    const now = await this.emulator.things();
    return Object.keys(now).filter((kind) => now[kind] > this.before[kind]);
  }

  get repository(): string {
    return `spatialforge-${this.stack}`;
  }

  /** A base with another digest. */
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
    const common = { "aws:region": "us-east-1", "aws:maxRetries": "2", "spatialforge:app": { path: "sample-app" } };
    for (const [key, value] of Object.entries({ ...common, ...this.settings })) this.set(key, value, clone);
  }

  /** Changes a setting; its key is a path, as `spatialforge:bases/cpu`. */
  set(key: string, value: unknown, clone = this.clone): void {
    const file = join(clone.folder, `Pulumi.${this.stack}.yaml`);
    const document = parseDocument(readFileSync(file, "utf8"));
    document.setIn(["config", ...key.split("/")], document.createNode(value));
    writeFileSync(file, document.toString());
  }

  /** The environment of a command, as a line of the shell. */
  get env(): string {
    const ignore = ["imageTagMutability=MUTABLE", "imageTagMutabilityExclusionFilters"];
    return Object.entries({
      PULUMI_BACKEND_URL: `file://${this.state}`,
      PULUMI_CONFIG_PASSPHRASE: "for tests only",
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_SKIP_CONFIRMATIONS: "true",
      NODE_EXTRA_CA_CERTS: this.ecr.certificate,
      AWS_ENDPOINT_URL: this.emulator.url,
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "test",
      AWS_EC2_METADATA_DISABLED: "true",
      // Not known to the provider that stands in here; unit tests hold them.
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

  /** Runs a line of a shell. */
  async line(line: string, clone = this.clone): Promise<{ code: number | null; text: string }> {
    const done = await clone.run(this.env + line);
    this.log += done.text;
    return done;
  }

  /** Runs a line of a shell, as a user has it from the documents, that has to succeed. */
  async mustLine(line: string, clone = this.clone): Promise<string> {
    const { code, text } = await this.line(line, clone);
    expect(code, text).toBe(0);
    return text;
  }

  /** Runs a command of the CLI that has to succeed. */
  async must(command: string, clone = this.clone): Promise<string> {
    return this.mustLine(this.cli(command), clone);
  }

  up = (): Promise<string> => this.must("up --yes --skip-preview");

  /** A preview shows nothing to change. */
  async expectUnchanged(clone = this.clone): Promise<void> {
    await this.must("preview --expect-no-changes", clone);
  }

  /** What an update changed, each resource once. */
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

  async outputs(): Promise<{ url: string; release: string; images: Record<string, string> }> {
    return JSON.parse(await this.must("stack output --json")) as never;
  }

  /** Starts a command that is not waited for; `kill` ends it and all its processes at once, as the loss of a machine does. */
  begin(command: string): { kill: () => void } {
    const child = spawn("bash", ["-c", `${this.env} exec ${this.cli(command)}`], {
      cwd: this.clone.folder,
      detached: true,
      stdio: "ignore",
    });
    const kill = () => {
      process.kill(-(child.pid ?? 0), "SIGKILL");
      // The CLI's children have groups of their own.
      for (const pid of this.clone.pids()) process.kill(pid, "SIGKILL");
    };
    return { kill };
  }

  /** The image that ECS runs for a service. */
  async runs(service: string): Promise<string | undefined> {
    const ecs = new ECSClient(this.emulator.client);
    const cluster = `spatialforge-${this.stack}`;
    const { services = [] } = await ecs.send(new DescribeServicesCommand({ cluster, services: [service] }));
    const command = new DescribeTaskDefinitionCommand({ taskDefinition: services[0].taskDefinition });
    return (await ecs.send(command)).taskDefinition?.containerDefinitions?.[0].image;
  }

  /** The image of each task definition, by its service. */
  async running(): Promise<Record<string, string>> {
    const all = (await this.resources()).filter(({ type, urn }) => /TaskDefinition$/.test(type) && SERVICES.test(urn));
    return Object.fromEntries(
      all.map(({ urn, inputs }) => [
        nameOf(urn),
        (JSON.parse(inputs.containerDefinitions) as { image: string }[])[0].image,
      ]),
    );
  }

  /** Looks for the value of each secret in the exported state, in all that the CLI said, and in the images. */
  async expectNoSecrets(): Promise<void> {
    // An access key's ID is a name; its secret is in a secret of its own.
    const values = (await this.secrets()).filter((value) => !value.startsWith("AKIA"));
    expect(values.length).toBeGreaterThanOrEqual(4);
    const state = await this.must("stack export");
    const images = Object.values((await this.outputs()).images).map(
      (image) => docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", image) + docker("inspect", image),
    );
    for (const value of values) {
      for (const text of [state, this.log, ...images]) expect(text.includes(value), "a secret is there").toBe(false);
    }
  }

  /** The values of all secrets. */
  private async secrets(): Promise<string[]> {
    const client = new SecretsManagerClient(this.emulator.client);
    const { SecretList = [] } = await client.send(new ListSecretsCommand({}));
    const values = SecretList.map(({ ARN }) => client.send(new GetSecretValueCommand({ SecretId: ARN })));
    // The password of a URL is a value of its own.
    const parts = (text: string) => [text, ...(URL.canParse(text) ? [new URL(text).password].filter(Boolean) : [])];
    return (await Promise.all(values)).flatMap(({ SecretString = "" }) => parts(SecretString));
  }

  /** Puts the CPU image on a base with another digest. */
  changeBase(): void {
    docker("build", "-q", "-t", this.otherBase, join(ROOT, "test", "aws", "base"));
    this.set("spatialforge:bases/cpu", this.otherBase);
  }

  /** Begins an update that is killed once it has pushed an image, and then lets the next one begin. */
  async upKilledAfterPush(image: ImageName): Promise<void> {
    const pushed = async () => (await this.ecr.digests(this.repository))[cacheTag(image)];
    const before = await pushed();
    const update = this.begin("up --yes --skip-preview");
    await until("an image is pushed", 90, async () => (await pushed()) !== before);
    update.kill();
    await this.must("cancel --yes");
  }

  /** Changes a file of the clone. */
  edit(file: string, change: (text: string) => string): void {
    this.clone.edit(file, change);
  }

  stop(): void {
    dockerStatus("rmi", this.otherBase);
    this.clones.forEach((clone) => clone.remove());
    rmSync(this.state, { recursive: true, force: true });
    this.emulator?.stop(); // there is none where no test of it ran
  }
}
