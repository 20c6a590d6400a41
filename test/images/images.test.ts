import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { settingsSchema } from "../../stack/config/schema";
import { IMAGES } from "../../stack/images/catalog";
import { docker, dockerStatus, until } from "../harness/engine";
import { baseOf, build, buildArgs, buildImages, contextOf, tagOf } from "../harness/images";
import { exitCode, healthOf, RESTRICTED, Sandbox } from "../harness/sandbox";

/** Programs that no image may contain. */
const FORBIDDEN =
  "bash apt apt-get dpkg pip pip3 uv gcc cc g++ make ld as git curl wget vi vim nano ed perl su sudo mount passwd".split(
    " ",
  );

/** The layer of a folder without files: a tar archive without entries. */
const EMPTY_LAYER = `sha256:${createHash("sha256").update(Buffer.alloc(1024)).digest("hex")}`;

/** Maximum size that an image of the sample app may add to its base, in MB (10^6 bytes, uncompressed). */
const MAXIMUM_MB = { api: 200, worker: 170, cpu: 200 } as const;

const restricted = ["--rm", ...RESTRICTED];
const runIn = (image: string, ...command: string[]) => docker("run", ...restricted, image, ...command);
const python = (image: string, code: string) => runIn(image, "python", "-c", code);
const layers = (image: string): string[] =>
  JSON.parse(docker("inspect", "-f", "{{json .RootFS.Layers}}", image)) as string[];
const size = (image: string): number => Number(docker("inspect", "-f", "{{.Size}}", image)) / 1e6;

beforeAll(() => buildImages());

describe.each(IMAGES)("$name", (spec) => {
  const { name } = spec;
  const image = tagOf(name);

  it("runs as user 10001 and writes only to /tmp and the model volume", () => {
    expect(python(image, "import os; print(os.getuid(), os.getgid())")).toBe("10001 10001");
    const writable =
      "import os; print([p for p in ('/', '/app', '/opt/venv', '/etc', '/usr', '/tmp', '/models') if os.access(p, os.W_OK)])";
    expect(python(image, writable)).toBe("['/tmp', '/models']");
  });

  it("keeps the caches of libraries on the model volume", () => {
    const names = ["HF_HOME", "TORCH_HOME", "XDG_CACHE_HOME"];
    const code = `import os; print(*(os.environ[name] for name in ${JSON.stringify(names)}))`;
    expect(python(image, code)).toBe("/models/huggingface /models/torch /models/cache");
  });

  it("can write to new volumes", () => {
    const volume = `spatialforge-test-${name}`;
    try {
      const options = ["--rm", "--read-only", "--cap-drop", "ALL", "-v", `${volume}:/models`];
      const code = "open('/models/x', 'w').write('1'); open('/tmp/x', 'w').write('1'); print('written')";
      expect(docker("run", ...options, image, "python", "-c", code)).toBe("written");
    } finally {
      docker("volume", "rm", "-f", volume);
    }
  });

  it("contains no setuid file and no forbidden program", () => {
    const code = `
import os, stat
bad = []
for root, folders, files in os.walk("/"):
    folders[:] = [f for f in folders if os.path.join(root, f) not in ("/proc", "/sys", "/dev")]
    for name in files:
        path = os.path.join(root, name)
        mode = os.lstat(path).st_mode
        if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID): bad.append("setuid " + path)
        if name in ${JSON.stringify(FORBIDDEN)} and mode & 0o111 and "/completions/" not in path: bad.append(path)
print(bad)`;
    expect(python(image, code)).toBe("[]");
    expect(dockerStatus("run", ...restricted, image, "python", "-m", "pip").text).toMatch(/No module named pip/);
  });

  it("keeps the package database for scanners", () => {
    expect(python(image, "print('Package: tini' in open('/var/lib/dpkg/status').read())")).toBe("True");
  });

  it("can load every shared library of its packages", () => {
    const code = `
import ctypes, pathlib, sysconfig
site, missing, count = pathlib.Path(sysconfig.get_paths()["purelib"]), [], 0
for path in sorted(site.rglob("*.so*")):
    count += 1
    try: ctypes.CDLL(str(path))
    except OSError as error:
        # a package finds its own libraries by the rpath of the library that loads them
        if "cannot open shared object" in str(error): missing.append(str(error))
print(count > 10, missing)`;
    expect(python(image, code)).toBe("True []");
  });

  it("knows the version of the application", () => {
    expect(python(image, "from importlib.metadata import version; print(version('sample-app'))")).toBe("0.1.0");
  });

  it("has an init, the standard labels, and a health check", () => {
    const config = JSON.parse(docker("inspect", "-f", "{{json .Config}}", image)) as {
      Entrypoint: string[];
      Labels: Record<string, string>;
      Healthcheck: { Test: string[] };
    };
    expect(config.Entrypoint[0]).toBe("/usr/bin/tini");
    for (const label of ["source", "version", "revision"])
      expect(config.Labels).toHaveProperty([`org.opencontainers.image.${label}`]);
    expect(config.Healthcheck.Test.join(" ")).toContain("healthcheck.py");
  });

  it("does not exceed its maximum size", () => {
    expect(size(image) - size(baseOf(spec))).toBeLessThan(MAXIMUM_MB[name]);
  });
});

it("API and worker share all layers except the last ones", () => {
  const [api, worker] = [layers(tagOf("api")), layers(tagOf("worker"))];
  const shared = worker.slice(0, -1);
  const [code] = worker.slice(-1);
  // plus the web server with its check, and the static files
  expect(api).toEqual([...shared, expect.any(String), EMPTY_LAYER, code, expect.any(String)]);
  expect(shared).toContain(EMPTY_LAYER);
});

it("the worker does not contain uvicorn", () => {
  const find = "import importlib.util as u; print(u.find_spec('uvicorn') is not None)";
  expect([python(tagOf("api"), find), python(tagOf("worker"), find)]).toEqual(["True", "False"]);
});

describe("the CPU image without a shell", () => {
  const image = "spatialforge-test:shell-less";
  const cpu = IMAGES.find(({ name }) => name === "cpu")!;
  const sandbox = new Sandbox();
  beforeAll(() => build(image, "cpu", baseOf(cpu), contextOf("cpu"), { ROOT: "shell-less" }));
  afterAll(() => sandbox.remove());

  it("contains only Python and the init, and no layer of its base", () => {
    const code = `
import os
print(sorted({name for folder in os.environ["PATH"].split(":") if os.path.isdir(folder) for name in os.listdir(folder)}))`;
    expect(python(image, code)).toMatch(/^\['python', 'python3', 'python3\.\d+', 'tini'\]$/);
    expect(dockerStatus("run", "--rm", "--entrypoint", "/bin/sh", image, "-c", "true").code).toBe(127);
    expect(layers(image)).not.toContain(layers(baseOf(cpu))[0]);
    expect(size(image)).toBeLessThan(size(tagOf("cpu")));
  });

  it("runs every role and its health check", async () => {
    const redis = sandbox.redis();
    sandbox.objects();
    const [api, worker, beat] = (["api", "worker", "beat"] as const).map((role) => sandbox.app(role, image));
    for (const id of [api, worker, beat]) await until("it is healthy", 30, () => healthOf(id).status === "healthy");
    const job = await sandbox.job(api, 0);
    await until("the job is complete", 20, () => sandbox.jobState(redis, job) === "SUCCESS");
  });
});

describe("OS packages and programs of the settings", () => {
  const cpu = IMAGES.find(({ name }) => name === "cpu")!;
  const args = (SYSTEM_PACKAGES: string, KEEP_PROGRAMS: string, ROOT = "system") => ({
    ...{ OS: "system", ROOT, SYSTEM_PACKAGES, KEEP_PROGRAMS },
  });
  const image = "spatialforge-test:system";
  const buildSystem = (...settings: Parameters<typeof args>) =>
    build(image, "cpu", baseOf(cpu), contextOf("cpu"), args(...settings));

  it("are in the image, and nothing of apt is; Python packages are not installed again", async () => {
    await buildSystem("libusb-1.0-0", "bash");
    const code = `
import ctypes, os, shutil
ctypes.CDLL("libusb-1.0.so.0")
left = [path for path in ("/var/lib/apt/lists", "/var/cache/apt", "/etc/apt", "/usr/lib/apt") if os.path.exists(path)]
print([name for name in ("bash", "apt-get", "dpkg", "perl") if shutil.which(name)], left)`;
    expect(python(image, code)).toBe("['bash'] []");
    const base = layers(baseOf(cpu)).length;
    expect(layers(image).slice(base + 1)).toEqual(layers(tagOf("cpu")).slice(base + 1));
  });

  it("are in the image without a shell", async () => {
    await buildSystem("", "find", "shell-less");
    const code = "import shutil; print([name for name in ('find', 'sh', 'ls') if shutil.which(name)])";
    expect(python(image, code)).toBe("['find']");
  });

  it.each([
    ["an unknown package", "no-such-package", "", /app\.systemPackages: .* has no package no-such-package/],
    [
      "a program that is not there",
      "",
      "ffmpeg",
      /keepPrograms: the base image has no program ffmpeg.*app\.systemPackages/,
    ],
    ["a package whose program is removed", "git", "", /app\.systemPackages: .* program git: .* keepPrograms/],
  ])("%s fails the build, with the setting", async (_, packages, programs, message) => {
    await expect(buildSystem(packages, programs)).rejects.toThrow(message);
  });
});

it.concurrent("a base with an old Python gets uv's standalone Python from the configured mirror", async () => {
  const { bases } = settingsSchema.parse({});
  const [base, uv] = ["base", "uv"].map((target) => {
    const tag = `spatialforge-test:old-python-${target}`;
    const args = buildArgs({ BASE: bases.gpu, UV: bases.uv });
    docker("build", "-q", "-t", tag, "--target", target, ...args, "test/images/old-python");
    return tag;
  });
  const code = "import sys; print('%d.%d' % sys.version_info[:2])";
  const version = docker("run", "--rm", bases.cpu, "python3", "-c", code);
  const image = "spatialforge-test:old-python";
  await build(image, "worker", base, contextOf("worker"), {
    UV: uv,
    PYTHON: version,
    PYTHON_BUILDS: "file:///srv/builds",
  });
  expect(python(image, "import sys, ctypes, celery, numpy; print(sys.base_prefix)")).toMatch(
    /^\/opt\/python\/cpython-/,
  );
});

it.concurrent("the entrypoint of a CUDA runtime base, which needs bash, is replaced", async () => {
  await build("spatialforge-test:guide", "worker", "nvidia/cuda:12.4.1-runtime-ubuntu22.04", contextOf("worker"));
  expect(runIn("spatialforge-test:guide", "python", "-c", "print('ok')")).toBe("ok");
});

it.each(["api", "worker"])("%s on a GPU image does not start without a GPU, and says why", (role) => {
  const { code, text } = dockerStatus("run", ...restricted, tagOf("worker"), role);
  expect(code).toBe(78);
  expect(text.trim()).toMatch(/^spatialforge \w+: no NVIDIA driver in this container .*use the CPU image$/);
});

describe("signals", () => {
  const started: string[] = [];
  afterAll(() => started.forEach((id) => dockerStatus("rm", "-f", "-v", id)));

  it("SIGTERM reaches the command through the init", async () => {
    const code =
      "import signal, time, sys; signal.signal(15, lambda *_: sys.exit(7)); print('up', flush=True); time.sleep(60)";
    const id = docker("run", "-d", ...RESTRICTED, tagOf("cpu"), "python", "-c", code);
    started.push(id);
    await until("it is up", 10, () => docker("logs", id) === "up");
    const before = Date.now();
    docker("stop", "-t", "20", id);
    expect(Date.now() - before).toBeLessThan(5000);
    expect(exitCode(id)).toBe("7");
  });
});
