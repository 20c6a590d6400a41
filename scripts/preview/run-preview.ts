import { join } from "node:path";
import { CommandError, LocalWorkspace, type EngineEvent } from "@pulumi/pulumi/automation";
import { withoutCredentials } from "../../stack/config/problem";
import { ROOT } from "../../stack/root";
import { errorsIn } from "../pulumi-errors";
import { nameOf } from "../urn";
import { resourceChanges, type ResourceChange } from "./resource-change";

/** A violation of a rule of the policy pack. */
export interface PolicyFinding {
  policy: string;
  /** Whether it fails an update. */
  mandatory: boolean;
  /** Name of the resource. Empty for a rule about the whole stack. */
  resource: string;
  message: string;
}

/** What the engine reported in a preview. */
export interface Preview {
  changes: ResourceChange[];
  findings: PolicyFinding[];
  /** Messages of a preview that failed. */
  errors: string[];
  /** AWS region of the stack. Empty if it has no AWS resources. */
  region: string;
  /** Output of `pulumi preview --diff`. */
  diff: string;
}

/** The policy pack of the project. */
export const POLICY_PACK = join(ROOT, "policy");

/**
 * Previews a stack. A preview that fails is a result, with its errors.
 * @throws Error if Pulumi cannot be run.
 */
export async function runPreview(stackName: string): Promise<Preview> {
  const workspace = await LocalWorkspace.create({ workDir: ROOT });
  const selected = await workspace.stack();
  const events: EngineEvent[] = [];
  let diff = "";
  try {
    const stack = await LocalWorkspace.selectStack({ stackName, workDir: ROOT });
    await stack.preview({
      diff: true,
      color: "never",
      policyPacks: [POLICY_PACK],
      onEvent: (event) => void events.push(event),
      onOutput: (text) => (diff += text),
    });
    return { ...reportOf(events), errors: [], diff: withoutCredentials(diff) };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { ...reportOf(events), errors: errorsOf(events, error), diff: withoutCredentials(diff) };
  } finally {
    // The stack that the user selected stays selected.
    if (selected && selected.name !== stackName) await workspace.selectStack(selected.name);
  }
}

const reportOf = (events: readonly EngineEvent[]): Pick<Preview, "changes" | "findings" | "region"> => ({
  changes: resourceChanges(events),
  findings: findingsOf(events),
  region: regionOf(events),
});

/** The region of the default AWS provider, from the configuration or the environment. */
function regionOf(events: readonly EngineEvent[]): string {
  const steps = events.flatMap(({ resourcePreEvent }) => resourcePreEvent?.metadata ?? []);
  const provider = steps.find(({ type }) => type === "pulumi:providers:aws");
  const { AWS_REGION = "", AWS_DEFAULT_REGION = "" } = process.env;
  return String((provider?.new ?? provider?.old)?.inputs.region ?? (AWS_REGION || AWS_DEFAULT_REGION));
}

function findingsOf(events: readonly EngineEvent[]): PolicyFinding[] {
  return events.flatMap(({ policyEvent: event }) =>
    event
      ? [
          {
            policy: event.policyName,
            mandatory: event.enforcementLevel === "mandatory",
            resource: nameOf(event.resourceUrn ?? ""),
            message: plain(event.message),
          },
        ]
      : [],
  );
}

/** The messages of the program and of the providers, or else of the CLI. */
function errorsOf(events: readonly EngineEvent[], error: Error): string[] {
  const messages = events.flatMap(({ diagnosticEvent: event }) =>
    event?.severity === "error" ? [plain(event.message)] : [],
  );
  const reasons = messages.filter((message) => message && !/^preview failed/.test(message));
  return [...new Set(reasons.length > 0 ? reasons : [errorsIn(error.message)])].map(withoutCredentials);
}

/** A message of the engine without its color markers, as in `<{%reset%}>`. */
const plain = (message: string): string => message.replaceAll(/<\{%.*?%\}>/g, "").trim();
