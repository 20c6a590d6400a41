import { appendFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { docker, until } from "../harness/engine";
import { SERVICES, SETTINGS, warnings, type LocalService } from "../harness/local-service";
import { commandsOf } from "../harness/readme";

/** After the first update of a fresh clone. */
export function firstUpdate(service: LocalService): void {
  it("prints the URL and the release, and that every service is healthy", () => {
    expect(service.output).toMatch(
      /SpatialForge is running at http:\/\/127\.0\.0\.1:8000, release [0-9a-f]{12}-[0-9a-f]{8}\./,
    );
    for (const name of SERVICES) expect(service.output).toMatch(new RegExp(`│ ${name} .* │ healthy │`));
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
      .filter((line) => /^(export|curl|JOB=|sleep|docker)/.test(line));
    expect(commands).toHaveLength(5);
    const { code, text } = await service.clone.run(`set -e\n${commands.join("\n")}`);
    expect(code, text).toBe(0);
    expect(text).toMatch(/"depth_map_url"/);
    expect(text).toMatch(/"status":"complete"/);
    expect(text).toMatch(/Task spatialforge\.workers\.tasks\.reconstruct_task\[.*succeeded/);
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
