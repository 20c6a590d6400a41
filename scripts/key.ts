/** `npm run --silent key [OWNER]`: makes an API key for the running local service and prints it. */
import { openStack } from "./local/cli";

async function main(): Promise<void> {
  const stack = await openStack();
  const [{ url }, admin] = [await stack.outputs(), await stack.password("admin-api-key")];
  const response = await fetch(`${url}/v1/admin/keys?owner=${encodeURIComponent(process.argv[2] ?? "local")}`, {
    method: "POST",
    headers: { "X-API-Key": admin },
  });
  if (!response.ok) throw new Error(`${url} makes no key (HTTP ${response.status}): ${await response.text()}`);
  console.log(((await response.json()) as { api_key: string }).api_key);
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exit(1);
});
