import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { IMAGES } from "../../stack/images/catalog";
import { ROOT } from "../../stack/root";
import { docker, dockerStatus } from "../harness/engine";
import { baseOf, build, stageSampleApp } from "../harness/images";
import { RESTRICTED } from "../harness/sandbox";

const cpu = IMAGES.find(({ name }) => name === "cpu")!;
const base = baseOf(cpu);
let folder: string;
const images: string[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "spatialforge-packages-"));
  cpSync(join(ROOT, (await stageSampleApp(cpu)).path), join(folder, "context"), {
    recursive: true,
    preserveTimestamps: true,
  });
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  dockerStatus("rmi", "-f", ...images);
});

/** Builds an image whose heavy packages are those in some files, which the install step finds in `/mnt/heavy`. */
async function buildWith(name: string, files: Record<string, string | Buffer>): Promise<string> {
  const context = join(folder, name);
  cpSync(join(folder, "context"), context, { recursive: true, preserveTimestamps: true });
  rmSync(join(context, "locks", "heavy"), { recursive: true });
  mkdirSync(join(context, "locks", "heavy"));
  for (const [file, content] of Object.entries(files)) writeFileSync(join(context, "locks", "heavy", file), content);
  const image = `spatialforge-test:packages-${name}`;
  images.push(image);
  await build(image, "worker", base, relative(ROOT, context));
  return image;
}

const python = (image: string, code: string) =>
  docker("run", "--rm", ...RESTRICTED, image, "python", "-c", `import importlib.util as u, os\n${code}`);

describe("packages that read their own stubs and tests", () => {
  let image: string;
  beforeAll(async () => {
    const requirements = readFileSync(join(ROOT, "test", "images", "packages", "heavy.txt"));
    image = await buildWith("scientific", { "requirements.txt": requirements });
  });

  it("scikit-image works: it lists its modules in stubs", () => {
    const code = "import numpy, skimage; print(skimage.filters.gaussian(numpy.ones((4, 4))).shape)";
    expect(python(image, code)).toBe("(4, 4)");
  });

  it("astropy works: it imports a module of its tests", () => {
    expect(python(image, "from astropy.coordinates import angular_separation as a; print(a(0, 0, 0, 0))")).toBe("0.0");
  });

  it("what they do not read is removed", () => {
    const find =
      "print([name for name in ('astropy.tests', 'astropy.io.tests', 'scipy.linalg.tests') if u.find_spec(name)])";
    expect(python(image, find)).toBe("['astropy.tests']");
    const stub = "print([os.path.exists(u.find_spec(m).origin + 'i') for m in ('skimage', 'numpy')])";
    expect(python(image, stub)).toBe("[True, False]");
  });
});

describe("a package that reads a file which a rule removes", () => {
  const wheel = "needs_files-1-py3-none-any.whl";
  let content: Buffer;
  let requirements: string;

  beforeAll(() => {
    // It opens a stub by itself, which no rule can know. Another module cannot be imported for another reason.
    const files = {
      "needs_files/__init__.py": "open(__file__ + 'i').close()",
      "needs_files/__init__.pyi": "",
      "needs_files/gpu/__init__.py": "import ctypes\nctypes.CDLL('libcuda.so.1')",
      "needs_files/other.pyi": "",
      "needs_files-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: needs-files\nVersion: 1\n",
      "needs_files-1.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    };
    const record = [...Object.keys(files), "needs_files-1.dist-info/RECORD"].map((name) => `${name},,\n`).join("");
    const code = `
import base64, io, json, sys, zipfile
data = io.BytesIO()
with zipfile.ZipFile(data, "w") as wheel:
    for name, text in json.loads(sys.argv[1]).items(): wheel.writestr(zipfile.ZipInfo(name), text)
print(base64.b64encode(data.getvalue()).decode())`;
    const all = JSON.stringify({ ...files, "needs_files-1.dist-info/RECORD": record });
    content = Buffer.from(docker("run", "--rm", base, "python3", "-c", code, all), "base64");
    const hash = createHash("sha256").update(content).digest("hex");
    requirements = `needs-files @ file:///mnt/heavy/${wheel} --hash=sha256:${hash}\n`;
  });

  it("fails the build, with the package and the setting", async () => {
    const failure = buildWith("broken", { [wheel]: content, "requirements.txt": requirements });
    await expect(failure).rejects.toThrow(
      /needs_files cannot be imported without needs_files\/__init__\.pyi of the package needs-files.*set app\.keepFiles to \{"needs-files": \["\*\*\/\*\.pyi"\]\}/,
    );
  });

  it("is imported with the setting app.keepFiles, which keeps no other file", async () => {
    const image = await buildWith("kept", {
      [wheel]: content,
      "requirements.txt": requirements,
      "keep-files.json": JSON.stringify({ "needs-files": ["needs_files/__init__.pyi"] }),
    });
    const code = "import needs_files; print(sorted(os.listdir(os.path.dirname(needs_files.__file__))))";
    expect(python(image, code)).toMatch(/'__init__\.py', '__init__\.pyi', .*'gpu'\]$/);
  });

  it("a pattern to keep that matches no file fails the build", async () => {
    const failure = buildWith("unmatched", {
      [wheel]: content,
      "requirements.txt": requirements,
      "keep-files.json": JSON.stringify({ "needs-files": ["**/*.pyx"] }),
    });
    await expect(failure).rejects.toThrow(/app\.keepFiles: no file of the package needs-files matches \*\*\/\*\.pyx/);
  });
});
