import { createServer } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { docker } from "../harness/engine";
import { SETTINGS, type LocalService } from "../harness/local-service";

const MAIN = "sample-app/spatialforge/main.py";
const PYPROJECT = "sample-app/pyproject.toml";

/** A port of this machine that another process listens on during the test. */
const USED_PORT = 18_000;

/** What is missing for a GPU depends on whether the engine has the runtime. */
const NO_GPU = "the Docker engine has no runtime called nvidia|the runtime nvidia gives a container no driver";

/** Updates that fail: the previous version keeps running. */
export function badInput(service: LocalService): void {
  const up = () => service.clone.run("npm run up");

  it("application does not start: the previous version keeps running; the fix succeeds", async () => {
    const before = service.container("api");
    const { code, text } = await service.withEdit(MAIN, (source) => `import no_such_module\n${source}`, up);
    expect(code).not.toBe(0);
    expect(text).toMatch(/error: api did not become healthy: it restarted \d+ times, the last time with exit code 1/);
    expect(text).toMatch(/The previous version, if any, is still running\. The last lines of the log:/);
    expect(text).toMatch(/No module named 'no_such_module'/);
    expect(service.container("api")).toContain(before);
    expect((await service.request("/v1/depth", {})).status).toBe(200);
    await service.up();
    expect((await service.request("/v1/depth", {})).status).toBe(200);
  });

  /** Runs an update that must fail before it changes a container. Returns its output. */
  const rejected = async (update: () => Promise<{ code: number | null; text: string }>): Promise<string> => {
    const before = service.containers();
    const { code, text } = await update();
    expect(code, text).not.toBe(0);
    expect(service.containers()).toEqual(before);
    return text;
  };

  it("invalid settings: all are listed; nothing changes", async () => {
    const lines = "  spatialforge:prot: 9000\n  spatialforge:healthTimeout: 1\n";
    const text = await rejected(() => service.withEdit(SETTINGS, (settings) => settings + lines, up));
    expect(text).toContain("stack local: 2 problems, nothing was changed");
    expect(text).toMatch(/spatialforge:prot = 9000\s+this setting does not exist: did you mean port\?/);
    expect(text).toMatch(/spatialforge:healthTimeout = 1/);
  });

  it("settings that do not fit the machine: all are listed; nothing changes", async () => {
    const server = createServer().listen(USED_PORT, "127.0.0.1");
    onTestFinished(() => void server.close());
    const lines = [`port: ${USED_PORT}`, "release: nothing-here", "gpu: required"];
    const text = await rejected(() =>
      service.withEdit(
        PYPROJECT,
        (project) => project.replace('"numpy>=1.26.0"', '"numpy>=99"'),
        () =>
          service.withEdit(
            SETTINGS,
            (settings) => settings + lines.map((line) => `  spatialforge:${line}\n`).join(""),
            up,
          ),
      ),
    );
    expect(text).toContain("stack local: 4 problems, nothing was changed");
    expect(text).toMatch(/spatialforge:port = 18000\s+another process listens on this port/);
    expect(text).toMatch(/spatialforge:release = nothing-here\s+the repository .* has no such release/);
    expect(text).toMatch(new RegExp(`spatialforge:gpu = required\\s+(${NO_GPU})`));
    expect(text).toMatch(/numpy>=99 \(locked: .*\)\s+npm run lock -- --stack local/);
  });

  it("no Docker engine: one clear message", async () => {
    const text = await rejected(() => service.clone.run("DOCKER_HOST=unix:///tmp/no-engine.sock npm run up"));
    expect(text).toMatch(/the Docker engine does not answer at unix:\/\/\/tmp\/no-engine\.sock/);
    expect(text).not.toMatch(/failed to connect to any docker daemon/);
  });

  it("no registry: one clear message; the next update succeeds", async () => {
    const registry = service.container("registry");
    docker("pause", registry);
    const text = await rejected(() => service.withEdit(MAIN, (source) => `${source}\n# not pushed\n`, up)).finally(() =>
      docker("unpause", registry),
    );
    expect(text).toMatch(/registry.*does not answer/);
    expect((await service.request("/v1/depth", {})).status).toBe(200);
    await service.up();
  });
}
