import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { parseDocument } from "yaml";
import { ROOT } from "../../stack/root";
import { Clone } from "./clone";
import { Ecr } from "./ecr";
import { Emulator } from "./emulator";

/** A resource, as the exported state has it. */
export interface StateResource {
  urn: string;
  type: string;
  inputs: Record<string, any>; // eslint-disable-line @typescript-eslint/no-explicit-any
  outputs?: Record<string, any>; // eslint-disable-line @typescript-eslint/no-explicit-any
  parent?: string;
  dependencies?: string[];
}

/** A change of a resource that an update made. */
export interface Change {
  op: string;
  type: string;
  name: string;
}

export const nameOf = (urn: string): string => urn.split("::").at(-1) ?? "";

/** A stack of the platform aws, in a clone, by the Pulumi CLI against an emulated AWS. */
export class AwsStack {
  readonly ecr = new Ecr(process.env.LAB_ECR ?? "");
  emulator!: Emulator;
  private readonly clones = [new Clone()];
  private readonly state = mkdtempSync(join(tmpdir(), "spatialforge-state-"));
  /** All that the CLI said. */
  log = "";

  /** @param settings - beside those of the stack's own file, as YAML paths below `config` */
  constructor(
    readonly stack: "dev" | "prod",
    private readonly settings: Record<string, unknown>,
  ) {}

  async start(): Promise<void> {
    this.emulator = await Emulator.start();
    await this.ecr.start();
    this.configure(this.clone);
    await this.must("stack init");
  }

  get clone(): Clone {
    return this.clones[0];
  }

  /** A second machine, with the same commit. */
  secondMachine(): Clone {
    const clone = new Clone();
    this.clones.push(clone);
    this.configure(clone);
    return clone;
  }

  private configure(clone: Clone): void {
    symlinkSync(join(ROOT, "node_modules"), join(clone.folder, "node_modules"));
    const file = join(clone.folder, `Pulumi.${this.stack}.yaml`);
    const document = parseDocument(readFileSync(file, "utf8"));
    const common = { "aws:region": "us-east-1", "aws:maxRetries": "2", "spatialforge:app": { path: "sample-app" } };
    for (const [key, value] of Object.entries({ ...common, ...this.settings })) {
      document.setIn(["config", ...key.split("/")], document.createNode(value));
    }
    writeFileSync(file, document.toString());
  }

  /** The environment of a command, as a line of the shell. */
  get env(): string {
    const ignore = ["imageTagMutability=MUTABLE", "imageTagMutabilityExclusionFilters"];
    return Object.entries({
      PULUMI_BACKEND_URL: `file://${this.state}`,
      PULUMI_CONFIG_PASSPHRASE: "for tests only",
      PULUMI_SKIP_UPDATE_CHECK: "true",
      NODE_EXTRA_CA_CERTS: this.ecr.certificate,
      AWS_ENDPOINT_URL: this.emulator.url,
      // Not known to the provider that stands in here; unit tests hold them.
      LAB_AWS_IGNORE: ignore.map((name) => `aws:ecr/repository:Repository.${name}`).join(),
    })
      .map(([name, value]) => `export ${name}='${value}'; `)
      .join("");
  }

  /** Runs a command of the CLI on the stack. */
  async run(command: string, clone = this.clone): Promise<{ code: number | null; text: string }> {
    const done = await clone.run(`${this.env} pulumi ${command} --stack ${this.stack} --non-interactive`);
    this.log += done.text;
    return done;
  }

  /** Runs a command that has to succeed. */
  async must(command: string, clone = this.clone): Promise<string> {
    const { code, text } = await this.run(command, clone);
    expect(code, text).toBe(0);
    return text;
  }

  up = (): Promise<string> => this.must("up --yes --skip-preview");

  /** An update; what it changed. */
  async changes(): Promise<Change[]> {
    const text = await this.must("up --yes --skip-preview --json");
    const { steps = [] } = JSON.parse(text.slice(text.indexOf("{"))) as { steps?: { op: string; urn: string }[] };
    return steps
      .filter(({ op }) => !["same", "delete-replaced", "replace"].includes(op))
      .map(({ op, urn }) => ({ op, type: urn.split("::")[2].split("$").at(-1) ?? "", name: nameOf(urn) }));
  }

  async resources(): Promise<StateResource[]> {
    const { deployment } = JSON.parse(await this.must("stack export")) as { deployment: { resources?: StateResource[] } };
    return deployment.resources ?? [];
  }

  async outputs(): Promise<{ url: string; release: string; images: Record<string, string> }> {
    return JSON.parse(await this.must("stack output --json")) as never;
  }

  /** Changes a file of the clone. */
  edit(file: string, change: (text: string) => string): void {
    const path = join(this.clone.folder, file);
    writeFileSync(path, change(readFileSync(path, "utf8")));
  }

  stop(): void {
    this.clones.forEach((clone) => clone.remove());
    rmSync(this.state, { recursive: true, force: true });
    this.ecr.stop();
    this.emulator.stop();
  }
}
