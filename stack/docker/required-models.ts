import * as pulumi from "@pulumi/pulumi";
import { modelSet, networkVariables } from "../config/model-set";
import type { PlatformArgs } from "../platform";
import { userError } from "../pulumi/user-error";
import { downloadModels } from "./model-download";

export interface RequiredModelsArgs extends Pick<
  PlatformArgs,
  "stack" | "settings" | "environment" | "huggingFaceToken"
> {
  /** The CPU image, as `repository@sha256:...`. */
  image: pulumi.Input<string>;
  /** Name of the model volume. */
  volume: pulumi.Input<string>;
}

/**
 * Downloads the models that the services require, before they start. A download of models that are on the volume takes a second. A preview
 * downloads nothing.
 * @returns an output that resolves when the models are on the volume, and rejects with a RunError
 */
export function requiredModels(args: RequiredModelsArgs, component: pulumi.Resource): pulumi.Output<unknown> {
  const { stack, settings, environment } = args;
  const set = modelSet(settings);
  if (!set.required || pulumi.runtime.isDryRun()) return pulumi.output(undefined);
  const token = args.huggingFaceToken ?? pulumi.output(undefined);
  // The token is used here only: otherwise, the images of all roles would become secret.
  const downloaded = pulumi
    .all([args.image, args.volume, token, pulumi.all(environment.secret)])
    .apply(async ([image, volume, value, secret]) => {
      const lines: string[] = [];
      const log = (line: string) => {
        lines.push(line);
        void pulumi.log.info(line, component, undefined, true);
      };
      const code = await downloadModels({
        ...{ stack, set, image, volume, log },
        environment: { ...networkVariables({ ...environment.plain, ...secret }), ...(value && { HF_TOKEN: value }) },
      });
      if (code !== 0) throw userError(failure(code, lines));
    });
  return pulumi.unsecret(downloaded);
}

/** Log lines in the error message. */
const LOG_LINES = 15;

const failure = (code: number, lines: readonly string[]): string =>
  [
    `The models were not downloaded (exit code ${code}):`,
    ...lines.slice(-LOG_LINES).map((line) => `  ${line}`),
    "No service was updated. Fix the cause and run `npm run up` again. To start without the models, set spatialforge:requireModels to false.",
  ].join("\n");
