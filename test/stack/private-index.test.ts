import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ROOT } from "../../stack/root";
import { settingsSchema } from "../../stack/settings/schema";
import { docker, dockerStatus } from "../harness/engine";
import { buildArgs } from "../harness/images";
import { cacheImage, LocalService } from "../harness/local-service";
import { openApp } from "../../stack/source/app";
import { stage } from "../../stack/source/stage";
import { IMAGES } from "../../stack/images/table";

const LOGIN = "builder";
const PASSWORD = randomBytes(20).toString("hex");

const service = new LocalService();
let index: string;

beforeAll(async () => {
  const { path } = stage(
    await openApp({ path: "sample-app" }),
    IMAGES.find(({ name }) => name === "cpu")!,
  );
  const base = buildArgs({ BASE: settingsSchema.parse({}).bases.cpu });
  const on = ["-f", join(ROOT, "test/images/index/Dockerfile"), ...base];
  docker("build", "-q", "-t", "spatialforge-test:index", ...on, join(ROOT, path));
  // On the engine's default network, where builds run
  index = docker("run", "-d", "-e", `LOGIN=${LOGIN}`, "-e", `PASSWORD=${PASSWORD}`, "spatialforge-test:index");
});
afterAll(async () => {
  dockerStatus("rm", "-f", "-v", index);
  await service.down();
});

it("packages come from a private index, and its credentials are in no layer, history, state, file or message", async () => {
  const address = docker("inspect", "-f", "{{.NetworkSettings.Networks.bridge.IPAddress}}", index);
  service.edit(
    "Pulumi.local.yaml",
    (settings) => `${settings}  spatialforge:indexes:\n    python: http://${address}:8080/simple/\n`,
  );
  const netrc = `machine ${address} login ${LOGIN} password ${PASSWORD}`;
  const set = await service.clone.run(`echo '${netrc}' | npm run pulumi -- config set --secret spatialforge:netrc`);
  expect(set.code, set.text).toBe(0);
  // Nothing of an earlier build may stand in for the index.
  docker("builder", "prune", "-af");
  const said = await service.up();
  expect(dockerStatus("logs", index).text).toMatch(/GET \/simple\/fastapi\/fastapi-.*\.whl HTTP\/1\.1" 200/);
  expect((await service.request("/v1/depth", {})).status).toBe(200);

  const encoded = Buffer.from(`${LOGIN}:${PASSWORD}`).toString("base64");
  const places: Record<string, string> = { "what the update said": said };
  for (const { name } of IMAGES) {
    const image = cacheImage(name);
    places[`history of ${name}`] = docker("history", "--no-trunc", image) + docker("inspect", image);
  }
  for (const [place, text] of Object.entries(places)) {
    expect(text, place).not.toContain(PASSWORD);
    expect(text, place).not.toContain(encoded);
  }
  for (const { name } of IMAGES) {
    const image = cacheImage(name);
    expect(occurrences("SpatialForge sample", layersOf(image)), "the search itself").toBeGreaterThan(0);
    expect(occurrences(PASSWORD, layersOf(image)), `layers of ${name}`).toBe(0);
  }
  const files = "find . -type f -not -path './node_modules/*' -exec cat {} +";
  expect(occurrences("spatialforge:netrc", files), "the search itself").toBeGreaterThan(0);
  expect(occurrences(PASSWORD, files), "state and files of the clone").toBe(0);
});

/** A command that prints all files of all layers of an image. */
const layersOf = (image: string) =>
  `folder=$(mktemp -d); docker save ${image} | tar -xC "$folder"; find "$folder" -type f -exec zcat -f {} +; rm -r "$folder"`;

/** How many lines of what a command prints hold a text. */
function occurrences(text: string, command: string): number {
  const script = `{ ${command}; } | grep -a -c -F -e '${text}' || true`;
  return Number(execFileSync("bash", ["-c", script], { cwd: service.clone.folder, encoding: "utf8" }).trim());
}
