import { dockerEnvironment } from "../../stack/clients/docker-endpoint";
import { formatProblems } from "../../stack/config/problem";

/**
 * Sets DOCKER_HOST to the engine of the current Docker context, because the Docker provider does not read contexts.
 * @param stack - name of the stack, for the error message
 * @throws Error that says what is wrong with the context.
 */
export function useDockerContext(stack: string): void {
  try {
    Object.assign(process.env, dockerEnvironment());
  } catch (error) {
    const problem = { key: "platform", value: "docker", remedy: (error as Error).message };
    throw new Error(formatProblems([problem], stack), { cause: error });
  }
  // Some resources of the provider prefer this variable to DOCKER_HOST. Docker itself prefers DOCKER_HOST.
  delete process.env.DOCKER_CONTEXT;
}
