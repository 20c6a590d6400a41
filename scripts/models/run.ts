import { UserError } from "../operate/command";
import type { OperatedStack } from "../operate/stack";

/** A run of the download on the platform of a stack. */
export interface ModelsArgs {
  stack: OperatedStack;
  /** List what is on the volume, and download nothing. */
  listOnly: boolean;
  /** Stops the run. */
  signal: AbortSignal;
  /** Receives each line of the output. */
  log: (line: string) => void;
}

/** @throws UserError if the settings name no models */
export function requireNamedModels({ name, settings }: OperatedStack): void {
  if (settings.models.length > 0) return;
  const pulumi = name === "local" ? "npm run pulumi --" : "pulumi";
  throw new UserError(
    `Pulumi.${name}.yaml names no models. Add one, for example with ` +
      `\`${pulumi} config set --stack ${name} --path 'spatialforge:models[0]' OWNER/NAME@REVISION\`.`,
  );
}
