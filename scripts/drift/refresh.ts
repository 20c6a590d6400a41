import { LocalWorkspace, type EngineEvent } from "@pulumi/pulumi/automation";
import { ROOT } from "../../stack/root";
import { errorsIn } from "../pulumi-errors";
import { driftedResources, type DriftedResource } from "./differences";

/**
 * Resources that are not compared, as patterns of URNs. The role that looks for drift must not read the values of secrets: the AWS managed
 * policy ReadOnlyAccess does not allow `secretsmanager:GetSecretValue`, and one resource that cannot be read fails the whole refresh.
 */
const EXCLUDED = ["**::*aws:secretsmanager/secretVersion:SecretVersion::**"];

/**
 * Compares the resources of a stack with AWS, as `pulumi refresh --preview-only` does. It takes no lock and changes nothing, so the role that
 * runs it can be read-only. Values of secrets are not compared.
 *
 * @throws Error with the errors of the CLI, if the stack does not exist or a resource cannot be read.
 */
export async function findDrift(stackName: string): Promise<DriftedResource[]> {
  // With this variable, the CLI adds `--yes`, which it then refuses together with `--preview-only`.
  const envVars = { PULUMI_SKIP_CONFIRMATIONS: "false" };
  const stack = await LocalWorkspace.selectStack({ stackName, workDir: ROOT }, { envVars }).catch((error: Error) => {
    throw new Error(`The stack ${stackName} cannot be opened: ${errorsIn(error.message)}`, { cause: error });
  });
  const events: EngineEvent[] = [];
  try {
    await stack.previewRefresh({
      expectNoChanges: true,
      runProgram: false,
      exclude: EXCLUDED,
      color: "never",
      onEvent: (event) => void events.push(event),
    });
    return [];
  } catch (error) {
    const drifted = driftedResources(events);
    // With differences, the CLI fails too. Only a refresh that has read all resources has a summary.
    const complete = events.some(({ summaryEvent }) => summaryEvent) && !events.some(isError);
    if (complete && drifted.length > 0) return drifted;
    throw new Error(`The stack ${stackName} cannot be compared: ${errorsIn((error as Error).message)}`, {
      cause: error,
    });
  }
}

const isError = ({ diagnosticEvent, resOpFailedEvent }: EngineEvent): boolean =>
  resOpFailedEvent !== undefined || diagnosticEvent?.severity === "error";
