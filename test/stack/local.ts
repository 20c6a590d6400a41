import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { MAXIMUM_BODY_MIB } from "../../stack/docker/proxy";
import { docker, until } from "../harness/engine";
import { SERVICES, SETTINGS, warnings, type LocalService } from "../harness/local-service";
import { commandsOf } from "../harness/readme";
import { deploymentOfTag } from "../../stack/registry/tags";

const PNG_SIGNATURE = Buffer.from("89504e470d0a1a0a", "hex");
const MB = 1e6;

/** After the first update of a fresh clone. */
export function firstUpdate(service: LocalService): void {
  it("prints the URL and the release, and that every service is healthy", () => {
    expect(service.output).toMatch(
      /SpatialForge is running at http:\/\/127\.0\.0\.1:8000, release [0-9a-f]{12}-[0-9a-f]{8}\./,
    );
    for (const name of SERVICES) expect(service.output).toMatch(new RegExp(`│ ${name} .* │ healthy │`));
  });

  it("builds only the image that runs, and says why the services do not use a GPU", async () => {
    expect(service.output).toMatch(
      /The API and the worker run the CPU image: (the runtime nvidia gives a container no driver|the Docker engine has no runtime called nvidia)/,
    );
    const { text } = await service.clone.run("npm run --silent pulumi -- stack output images --json");
    expect(Object.keys(JSON.parse(text) as object)).toEqual(["cpu"]);
    const tags = (await service.tags()).filter((tag) => !deploymentOfTag(tag));
    expect(tags.map((tag) => tag.split("-").at(-1))).toEqual(["cpu", "cpu"]); // the cache and the release
  });

  it("the progress of the build is a few lines", () => {
    expect(service.output.split("\n").length).toBeLessThan(170);
    expect(service.output).toMatch(/docker:index:Image cpu creating \(\d+s\) Pushing Image/);
    expect(service.output).not.toMatch(/Layer already exists|Pulling fs layer/);
  });

  it("prints no warning of npm, Node.js, or Pulumi, and no error about a missing cache image", () => {
    expect(warnings(service.output)).toEqual([]);
    expect(service.output).not.toMatch(/not available|Diagnostics/);
  });

  it("a request returns a result", async () => {
    expect(await service.json("/v1/depth", {})).toMatchObject({
      metadata: { width: 64, height: 48, min_depth_m: expect.any(Number) },
    });
  });

  it("a job runs on the worker, and the object store has its result", async () => {
    const job = await service.job();
    await until("the job is complete", 20, async () => (await service.jobStatus(job)) === "complete");
    expect(await (await service.request(`/v1/reconstruct/${job}/result`)).text()).toMatch(
      /^ply\nformat ascii 1.0\nelement vertex 192\n/,
    );
  });

  it("the commands under 'Next' work in a shell", async () => {
    const [, next] = service.output.split("Next\n");
    const commands = next
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => /^(export|curl|DEPTH=|JOB=|until|RESULT=|npm run --silent)/.test(line));
    expect(commands).toHaveLength(8);
    const { code, text } = await service.clone.run(`set -e\n${commands.join("\n")}`);
    expect(code, text).toBe(0);
    expect(text).toMatch(/^depth\.png is from http:\/\/objects\.localhost:9000\/spatialforge\/depth\/\S+\.png\?X-Amz/m);
    expect(text).toMatch(
      /^result\.ply is from http:\/\/objects\.localhost:9000\/spatialforge\/results\/\S+\.ply\?X-Amz/m,
    );
    expect(readFileSync(service.path("depth.png")).subarray(0, 8)).toEqual(PNG_SIGNATURE);
    expect(service.clone.read("result.ply")).toMatch(/^ply\nformat ascii 1.0\nelement vertex 192\n/);
    expect(text).toMatch(/Task spatialforge\.workers\.tasks\.reconstruct_task\[.*succeeded/);
  });

  it("the status says that all is well, with the release; a command runs in a container", async () => {
    const status = await service.clone.run("npm run --silent status -- --stack local");
    expect(status.text).toMatch(/^all well: stack local, docker, /);
    expect(status.text).toMatch(/^worker +1 +1 +1 {2}[0-9a-f]{12}-[0-9a-f]{8} {2}[0-9a-f]{12}$/m);
    expect(status.text).toMatch(/^ {2}worker: \d+ jobs? \(\d+ waiting, \d+ running\)$/m);
    expect(status.code).toBe(0);
    const exec = await service.clone.run("npm run --silent exec -- --stack local worker -- python -c 'print(6 * 7)'");
    expect(exec).toEqual({ code: 0, text: "42\n" });
  });

  it("an upload of 500 MB reaches the object store, and one above the limit is answered with 413", async () => {
    expect(await upload(500 * MB)).toBe(202);
    expect(await upload(MAXIMUM_BODY_MIB * 1024 * 1024 + MB)).toBe(413);
    for (const name of SERVICES) {
      expect(service.health(name)).toBe("healthy");
      expect(docker("inspect", "-f", "{{.RestartCount}}", service.container(name)), name).toBe("0");
    }
  });

  /** Sends a file of zeros as a job. Returns the status of the response. */
  async function upload(bytes: number): Promise<number> {
    const command = `truncate -s ${bytes} upload.bin && curl -s -o /dev/null -w '%{http_code}' ${service.url}/v1/reconstruct -H "X-API-Key: $(npm run --silent key)" -F image=@upload.bin; rm upload.bin`;
    return Number((await service.clone.run(command)).text);
  }

  it("the API and the worker have room for the largest upload in /tmp", () => {
    for (const name of ["api", "worker"] as const) {
      const command = `truncate -s 0 /tmp/f && dd if=/dev/zero of=/tmp/f bs=1M count=${MAXIMUM_BODY_MIB} 2>&1 && rm /tmp/f`;
      docker("exec", service.container(name), "sh", "-c", command);
    }
  });

  describe("README", () => {
    it.each(commandsOf("build"))("build command: %s", async (_, command) => {
      const { code, text } = await service.clone.run(command);
      expect(code, text).toBe(0);
    });

    const outputs = [/^spatialforge +(latest|worker|cpu) /m, /COPY .*app/, /^#\d+ CACHED$/m];
    it.each(outputs.map((output, i) => [...commandsOf("check")[i], output] as const))(
      "check command: %s",
      async (_, command, output) => {
        const { code, text } = await service.clone.run(command);
        expect(code, text).toBe(0);
        expect(text).toMatch(output);
      },
    );
  });

  it("a second update changes nothing, even if files changed that no image contains", async () => {
    appendFileSync(service.path("sample-app/README.md"), "\nMore.\n");
    writeFileSync(service.path("sample-app/tests/test_more.py"), "def test_more(): pass\n");
    const text = await service.up();
    expect(text).toMatch(/\d+ unchanged/);
    expect(text).not.toMatch(/[~+-] \d+ (created|updated|deleted|replaced)/);
  });

  it("the state has no secret in plain text, and the settings file has no salt", async () => {
    const environment = docker(
      "inspect",
      "-f",
      "{{range .Config.Env}}{{println .}}{{end}}",
      service.container("redis"),
    );
    const password = /REDISCLI_AUTH=(\w+)/.exec(environment)![1];
    const { text } = await service.clone.run("cat .state/.pulumi/stacks/*/local.json");
    expect(text).toContain("spatialforge");
    expect(text).not.toContain(password);
    expect(service.clone.read(SETTINGS)).not.toContain("encryptionsalt");
  });

  it("an API key survives a restart of Redis", async () => {
    expect((await service.request("/v1/billing/usage")).status).toBe(200);
    docker("restart", service.container("redis"));
    await until("redis is healthy", 30, () => service.health("redis") === "healthy");
    await until("the key is accepted", 10, async () => (await service.request("/v1/billing/usage")).status === 200);
  });
}
