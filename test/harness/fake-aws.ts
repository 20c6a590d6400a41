import { createServer } from "node:http";
import { onTestFinished, vi } from "vitest";
import { listen } from "./fake-engine";

/** Answer to a call: the output, or an error of AWS. */
export type AwsAnswer = object | AwsError;

/** An error that AWS returns. */
export class AwsError {
  constructor(
    readonly name: string,
    readonly message: string,
  ) {}
}

/** The error of a call that no policy allows. @param action - such as `ecs:ListTasks` */
export const denied = (action: string): AwsError =>
  new AwsError(
    "AccessDeniedException",
    `User: arn:aws:iam::123456789012:user/dev is not authorized to perform: ${action} because no identity-based policy allows the ${action} action`,
  );

/**
 * Starts an AWS that only answers calls of the JSON protocols, and makes the clients of the program use it, for the test that is running.
 * @param answers - by action, such as `ListTasks`. All others are denied.
 * @returns the actions that were called, such as `ecs:ListTasks`
 */
export async function fakeAws(
  answers: Record<string, AwsAnswer | ((input: never) => AwsAnswer)> = {},
): Promise<Set<string>> {
  const called = new Set<string>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const [, service = ""] =
        /\/\d{8}\/[\w-]+\/([\w-]+)\/aws4_request/.exec(request.headers.authorization ?? "") ?? [];
      const body = Buffer.concat(chunks).toString();
      const target = request.headers["x-amz-target"] as string | undefined;
      const action = target?.split(".").at(-1) ?? new URLSearchParams(body).get("Action") ?? "";
      const prefix = { monitoring: "cloudwatch" }[service] ?? service;
      called.add(`${prefix}:${action}`);
      const known = answers[action] ?? denied(`${prefix}:${action}`);
      const answer = typeof known === "function" ? (known as (input: unknown) => AwsAnswer)(JSON.parse(body)) : known;
      if (!(answer instanceof AwsError)) return void response.end(JSON.stringify(answer));
      const { name, message } = answer;
      response.statusCode = 400;
      // Auto Scaling has the query protocol.
      if (target) response.end(JSON.stringify({ __type: name, message }));
      else
        response.end(
          `<ErrorResponse><Error><Code>AccessDenied</Code><Message>${message}</Message></Error></ErrorResponse>`,
        );
    });
  });
  vi.stubEnv("AWS_ENDPOINT_URL", `http://127.0.0.1:${await listen(server)}`);
  // The clients of the program are shared: with a region of its own, each test gets new ones.
  vi.stubEnv("AWS_REGION", `test-${++regions}`);
  vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
  onTestFinished(() => void vi.unstubAllEnvs());
  return called;
}

let regions = 0;
