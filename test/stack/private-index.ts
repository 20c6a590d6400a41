import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { IMAGES } from "../../stack/images/catalog";
import { ROOT } from "../../stack/root";
import { docker, dockerStatus } from "../harness/engine";
import { baseOf, buildArgs } from "../harness/images";
import { cacheImage, SETTINGS, type LocalService } from "../harness/local-service";

const INDEX = "spatialforge-test:index";
const LOGIN = "builder";
const PASSWORD = randomBytes(20).toString("hex");
/** The forms in which the credentials could occur: the password, and the value of an HTTP header. */
const CREDENTIALS = [PASSWORD, Buffer.from(`${LOGIN}:${PASSWORD}`).toString("base64")];

/** A text of the application's code, which every image contains. */
const CODE = 'title="SpatialForge ';

/** An update with packages from an index that requires a password. It needs the build context that an earlier update wrote. */
export function privateIndex(service: LocalService): void {
  let index = "";

  beforeAll(() => {
    const base = baseOf(IMAGES.find(({ name }) => name === "cpu")!);
    const dockerfile = join(ROOT, "test/images/index/Dockerfile");
    docker("build", "-q", "-t", INDEX, "-f", dockerfile, ...buildArgs({ BASE: base }), service.path(".build/cpu"));
    // On the default network of the engine, where builds run
    index = docker("run", "-d", "-e", `LOGIN=${LOGIN}`, "-e", `PASSWORD=${PASSWORD}`, INDEX);
  });
  afterAll(() => {
    if (index) dockerStatus("rm", "-f", "-v", index);
    dockerStatus("rmi", "-f", INDEX);
  });

  it("credentials are in no layer, history, state, file, or message", async () => {
    const address = docker("inspect", "-f", "{{.NetworkSettings.Networks.bridge.IPAddress}}", index);
    service.edit(
      SETTINGS,
      (settings) => `${settings}  spatialforge:indexes:\n    python: http://${address}:8080/simple/\n`,
    );
    const netrc = `machine ${address} login ${LOGIN} password ${PASSWORD}`;
    const set = await service.clone.run(`echo '${netrc}' | npm run pulumi -- config set --secret spatialforge:netrc`);
    expect(set.code, set.text).toBe(0);
    docker("builder", "prune", "-af"); // the result of an earlier build must not replace the index
    const output = await service.up();
    expect(dockerStatus("logs", index).text).toMatch(/GET \/simple\/fastapi\/fastapi-.*\.whl HTTP\/1\.1" 200/);
    expect((await service.request("/v1/depth", {})).status).toBe(200);

    const texts: Record<string, string> = { "output of the update": output };
    for (const { name } of IMAGES) {
      const image = cacheImage(name);
      texts[`history of ${name}`] = docker("history", "--no-trunc", image) + docker("inspect", image);
    }
    for (const [label, text] of Object.entries(texts)) {
      for (const credential of CREDENTIALS) expect(text, label).not.toContain(credential);
    }
    for (const { name } of IMAGES) {
      expect(search(layersOf(cacheImage(name)), CODE), `layers of ${name}`).toEqual([CODE]);
    }
    const files = "find . -type f -not -path './node_modules/*' -exec cat {} +";
    expect(search(files, "spatialforge:netrc"), "files of the clone, with the state").toEqual(["spatialforge:netrc"]);
  });

  /** Searches the output of a command for the credentials, and for a text that it must contain. Returns what it found. */
  function search(command: string, expected: string): string[] {
    const texts = [expected, ...CREDENTIALS].map((text) => `-e '${text}'`).join(" ");
    const script = `set -o pipefail; { ${command}; } | grep -a -o -F ${texts} | sort -u`;
    const output = execFileSync("bash", ["-c", script], { cwd: service.clone.folder, encoding: "utf8" });
    return output.split("\n").filter(Boolean);
  }
}

/** A command that prints all files of all layers of an image. */
const layersOf = (image: string) =>
  `folder=$(mktemp -d); trap 'rm -r "$folder"' EXIT; docker save ${image} | tar -xC "$folder"; find "$folder" -type f -exec zcat -f {} +`;
