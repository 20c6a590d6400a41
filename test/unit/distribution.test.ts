import { describe, expect, it } from "vitest";
import { distInfo, readDistribution } from "../../stack/app/distribution";

const project = (...lines: string[]) => ["[project]", 'name = "My.App-x"', ...lines].join("\n");

describe("readDistribution", () => {
  it("reads name, version, and entry points from [project]", () => {
    const text = project(
      'version = "1.4.0"',
      "[project.scripts]",
      'app = "app.cli:main"',
      "[project.entry-points.'app.plugins']",
      'one = "app.plugins.one"',
      "[tool.other]",
      'version = "9"',
    );
    expect(readDistribution(text)).toEqual({
      problems: [],
      distribution: {
        name: "My.App-x",
        version: "1.4.0",
        entryPoints: { console_scripts: { app: "app.cli:main" }, "app.plugins": { one: "app.plugins.one" } },
      },
    });
  });

  it("takes the setting app.version for a dynamic version", () => {
    const { distribution, problems } = readDistribution(project('dynamic = ["version"]'), "2.0.dev1");
    expect(problems).toEqual([]);
    expect(distribution.version).toBe("2.0.dev1");
  });

  it.each([
    [
      "a dynamic version",
      ['dynamic = ["version"]'],
      undefined,
      "app.version",
      /config set --path .*app\.version 1\.4\.0/,
    ],
    ["no version", [], undefined, "app.version", /has no version.*app\.version/],
    ["a version that is a number", ["version = 1.4"], undefined, "app", /write it as text.*"1\.4\.0"/],
    ["a version of another form", ['version = "latest"'], undefined, "app", /PEP 440/],
    ["two versions", ['version = "1.4.0"'], "1.5.0", "app.version", /the version 1\.4\.0: remove this setting/],
    ["dynamic scripts", ['version = "1"', 'dynamic = ["scripts"]'], undefined, "app", /list them in project\.scripts/],
    [
      "dynamic entry points",
      ['version = "1"', 'dynamic = ["entry-points"]'],
      undefined,
      "app",
      /list them in project\.entry-points/,
    ],
    ["a script that is no text", ['version = "1"', "scripts = { app = 1 }"], undefined, "app", /write each as `name =/],
    ["entry points that are a list", ['version = "1"', "entry-points = []"], undefined, "app", /write each as `name =/],
  ])("%s: one problem", (_, lines, version, key, remedy) => {
    const { problems } = readDistribution(project(...lines), version);
    expect(problems).toEqual([expect.objectContaining({ key, remedy: expect.stringMatching(remedy) })]);
  });
});

describe("distInfo", () => {
  it("has a normalized folder name, the metadata, and the entry points", () => {
    const entryPoints = { console_scripts: { app: "app.cli:main" }, plugins: { one: "p.one", two: "p.two" } };
    expect(distInfo({ name: "My.App-x", version: "1.4-1", entryPoints })).toEqual({
      folder: "my_app_x-1.4_1.dist-info",
      files: {
        METADATA: "Metadata-Version: 2.1\nName: My.App-x\nVersion: 1.4-1\n",
        "entry_points.txt": "[console_scripts]\napp = app.cli:main\n\n[plugins]\none = p.one\ntwo = p.two\n",
      },
    });
  });

  it("has no file of entry points if there are none", () => {
    expect(Object.keys(distInfo({ name: "a", version: "1", entryPoints: {} }).files)).toEqual(["METADATA"]);
  });
});
