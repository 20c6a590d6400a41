import { spawnSync } from "node:child_process";
import type { Session } from "@aws-sdk/client-ecs";
import { coerce, gt } from "semver";
import { ecsClient } from "../../stack/clients/aws";
import { Config } from "../../stack/pulumi/internals";
import { UserError } from "../operate/command";
import { foreground } from "./foreground";

const PLUGIN = "session-manager-plugin";

const INSTALLATION =
  "https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html";

/**
 * The last version that takes the session, with its token, as an argument only. Every user of a machine can read arguments, so newer versions get
 * the name of an environment variable instead. As in the AWS CLI:
 * https://github.com/aws/aws-cli/blob/v2/awscli/customizations/sessionmanager.py
 */
const LAST_VERSION_WITH_ARGUMENT = "1.2.497";
const SESSION_VARIABLE = "AWS_SSM_START_SESSION_RESPONSE";

/** Version of the Session Manager plugin. @throws UserError that says how to install it */
export function pluginVersion(): string {
  const { error, stdout } = spawnSync(PLUGIN, ["--version"], { encoding: "utf8" });
  if (!error) return stdout.trim();
  throw new UserError(
    `The Session Manager plugin is not installed (${PLUGIN}). ECS Exec requires it. To install it, see ${INSTALLATION}.`,
  );
}

interface PluginArgs {
  version: string;
  session: Session;
  /** `ecs:CLUSTER_TASK_RUNTIMEID` */
  target: string;
}

/**
 * Connects the terminal with a session.
 * The arguments are those that `ValidateInputAndStartSession` reads:
 * https://github.com/aws/session-manager-plugin/blob/mainline/src/sessionmanagerplugin/session/session.go
 * @returns the exit code of the plugin
 */
export async function runPlugin({ version, session, target }: PluginArgs): Promise<number> {
  const { client } = await ecsClient();
  const region = await client.config.region();
  const { sessionId: SessionId, streamUrl: StreamUrl, tokenValue: TokenValue } = session;
  const response = JSON.stringify({ SessionId, StreamUrl, TokenValue });
  const takesVariable = gt(coerce(version) ?? "0.0.0", LAST_VERSION_WITH_ARGUMENT);
  const args = [
    takesVariable ? SESSION_VARIABLE : response,
    region,
    "StartSession",
    new Config("aws").get("profile") ?? process.env.AWS_PROFILE ?? "",
    JSON.stringify({ Target: target }),
    await ssmEndpoint(region),
  ];
  const env = { ...process.env, ...(takesVariable && { [SESSION_VARIABLE]: response }) };
  return foreground(PLUGIN, args, env);
}

/** URL of AWS Systems Manager in the partition of a region. */
async function ssmEndpoint(region: string): Promise<string> {
  const { client } = await ecsClient();
  const { url } = client.config.endpointProvider({ Region: region }, {});
  return url.origin.replace("//ecs.", "//ssm.");
}
