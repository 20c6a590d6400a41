import { userError } from "../../../pulumi/user-error";
import type { Registry } from "../../../registry/registry";
import { imageDigest } from "../../../registry/release";
import { verifiedTag } from "../../../registry/tags";
import { stoppedTaskReason } from "../rollout/task-reasons";
import { hasSucceeded, runTask, type RunTaskArgs } from "../run-task";
import { hostAmis } from "./host-amis";

export interface VerifyImageArgs extends Omit<RunTaskArgs, "command" | "startedBy"> {
  /** Role as which the image runs. */
  role: string;
  /** Process of the role: an argument of `verify` in images/runtime/entrypoint.py. */
  process: string;
  /** `repository@sha256:...` */
  image: string;
  /** The host on which it will run: the ID of an AMI, or `fargate`. */
  host: string;
  /** Whether `host` is an AMI. */
  gpu: boolean;
  registry: Pick<Registry, "digest" | "tag">;
  warn: (line: string) => void;
}

/**
 * Runs an image once as a task in the place where it will run, and records the result in the registry. Does nothing if the registry has a
 * result for this digest, role, and AMI.
 *
 * @returns the host on which it was verified. It can differ from the wanted one: instances with an earlier AMI may still run. Undefined if
 * the host is unknown.
 * @throws RunError with the reason and the last log lines of the task
 */
export async function verifyImage(args: VerifyImageArgs): Promise<string | undefined> {
  const { role, image, host, log, warn, registry } = args;
  const digest = imageDigest(image);
  if ((await registry.digest(verifiedTag(digest, role, host))) === digest) return host;
  log(`verifying ${image}`);
  const task = await runTask({ ...args, command: ["verify", args.process], startedBy: "verification" }).catch(
    (error: Error) => {
      throw failure(args, [error.message]);
    },
  );
  if (!hasSucceeded(task)) throw failure(args, await stoppedTaskReason(task));
  const [actual] = args.gpu ? await hostAmis(args.cluster, [task]) : [host];
  if (actual) await registry.tag(digest, verifiedTag(digest, role, actual));
  if (actual !== host) {
    warn(
      `the image was verified on ${actual ?? "a host that has ended"}, but new instances have the AMI ${host}: the next update verifies it again`,
    );
  }
  log(`verified on ${actual ?? "a host that has ended"}`);
  return actual;
}

const failure = ({ role, image }: VerifyImageArgs, reasons: string[]): Error =>
  userError(
    [
      `${role}: the verification of the image ${image} failed: ${reasons[0]}`,
      ...reasons.slice(1),
      "No service was updated. Fix the cause and run `pulumi up` again, or roll back with spatialforge:release. To deploy without a verification, set spatialforge:aws.verifyImages to false.",
    ].join("\n"),
  );
