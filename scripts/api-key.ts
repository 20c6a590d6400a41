/** `npm run --silent key [OWNER]`: creates an API key of the local service and prints it. The default owner is `local`. */
import { openStack } from "./local/pulumi-stack";

async function main(): Promise<void> {
  const stack = await openStack();
  const { url } = stack.outputs();
  const adminKey = stack.password("admin-api-key");
  const response = await fetch(`${url}/v1/admin/keys?owner=${encodeURIComponent(process.argv[2] ?? "local")}`, {
    method: "POST",
    headers: { "X-API-Key": adminKey },
  }).catch(() => {
    throw new Error(`${url} does not answer. Start the service with \`npm run up\`.`);
  });
  if (!response.ok)
    throw new Error(`${url} did not create an API key (HTTP ${response.status}): ${await response.text()}`);
  console.log(((await response.json()) as { api_key: string }).api_key);
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exit(1);
});
