import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { withGeneratedTables } from "../../scripts/docs";
import { withResults } from "../../scripts/simulate-scaling";
import { LEFT_OUT } from "../../stack/app/left-out";
import { MAXIMUM_STEPS, SCALE_IN_DELAY_S } from "../../stack/aws/service/scaling-steps";
import { AWS_KEYS } from "../../stack/config/aws-schema";
import { PORTS } from "../../stack/config/rules";
import { settingsSchema } from "../../stack/config/schema";
import { MAXIMUM_BODY_MIB } from "../../stack/docker/proxy";
import { ROOT } from "../../stack/root";
import { awsPlatform } from "../harness/aws-platform";
import { dockerPlatform } from "../harness/docker-platform";

const page = readFileSync(join(ROOT, "docs", "aws.md"), "utf8");

/** The cells of the rows of a table, without its header. */
function rowsBelow(header: string): string[][] {
  const table = page.split(`${header}\n`)[1].split("\n\n")[0];
  const rows = table.split("\n").slice(1);
  return rows.map((row) => row.slice(2, -2).split(" | "));
}

describe("docs/aws.md", () => {
  it("has the settings of the current code (to update it, run `npm run docs`)", () => {
    expect(withGeneratedTables(page)).toBe(page);
  });

  it("describes each setting of the platform aws", () => {
    const rows = rowsBelow("| setting | default | description |");
    const isSection = (path: string) => path in AWS_KEYS;
    const paths = Object.entries(AWS_KEYS).flatMap(([section, keys]) => keys.map((key) => `${section}.${key}`));
    expect(rows.map(([setting]) => setting).sort()).toEqual(
      paths
        .filter((path) => !isSection(path))
        .map((path) => `\`${path}\``)
        .sort(),
    );
    for (const [setting, , description] of rows) expect(description.length, setting).toBeGreaterThan(10);
  });

  describe("the components of prod", () => {
    const componentNames = async () => {
      const types = (await awsPlatform("prod")).map(({ type }) => /^spatialforge:aws:(\w+)$/.exec(type)?.[1] ?? "");
      return [...new Set(types)].filter((name) => name && name !== "Platform").sort();
    };

    it("are exactly those in the diagram", async () => {
      const components = await componentNames();
      const diagram = page.split("```mermaid")[1].split("```")[0];
      const words = diagram.match(/\b[A-Z][a-z]+[A-Za-z]*\b/g);
      expect(words).toEqual(expect.arrayContaining(components));
      const nodes = diagram.match(/\b[A-Z][a-z]\w+(?=\[)/g) ?? [];
      expect(nodes.filter((name) => !components.includes(name))).toEqual([]);
    });

    it("are exactly those in the table of folders, which have a file of that name", async () => {
      const listed = rowsBelow("| folder | components |").flatMap(([folder, names]) =>
        names.split(", ").map((name) => ({ name, folder: folder.replaceAll("`", "") })),
      );
      expect(listed.map(({ name }) => name).sort()).toEqual(await componentNames());
      for (const { name, folder } of listed) {
        const file = name.replace(/(?<!^)[A-Z]/g, (letter) => `-${letter}`).toLowerCase();
        const paths = [`${file}.ts`, `${file}/${file}.ts`].map((path) => join(ROOT, "stack", "aws", folder, path));
        expect(paths.some(existsSync), `${folder}${file}.ts`).toBe(true);
      }
    });
  });
});

it("docs/images.md lists the files that no image contains", () => {
  const images = readFileSync(join(ROOT, "docs", "images.md"), "utf8");
  const rows = LEFT_OUT.map(({ names, reason }) => `| ${names.map((name) => `\`${name}\``).join(", ")} | ${reason} |`);
  expect(images).toContain(`| name | reason |\n| --- | --- |\n${rows.join("\n")}\n\n`);
});

it("docs/images.md has each rule of images/build/prune.py with its patterns", () => {
  const page = readFileSync(join(ROOT, "docs", "images.md"), "utf8");
  const script = readFileSync(join(ROOT, "images", "build", "prune.py"), "utf8");
  const [rules] = script.split("\nRULES = {\n")[1].split("\n}\n");
  const names = [...rules.matchAll(/^ {4}"([^"]+)": Rule\(/gm)];
  expect(names.length).toBeGreaterThan(5);
  names.forEach(({ 1: name, index }, i) => {
    const patterns = rules
      .slice(index + name.length, names[i + 1]?.index)
      .match(/(?<=")[^" ]*\*[^" ]*(?=")|torch\/share/g)!;
    expect(page).toContain(`| ${name} | ${patterns.map((pattern) => `\`${pattern}\``).join(", ")} | `);
  });
});

describe("docs/scaling.md", () => {
  const scaling = readFileSync(join(ROOT, "docs", "scaling.md"), "utf8");

  it("has the results of the current simulation (to update them, run `npm run simulate`)", () => {
    expect(withResults(scaling)).toBe(scaling);
  });

  it("has the delay and the number of steps of the code", () => {
    expect(scaling).toContain(`It falls ${SCALE_IN_DELAY_S / 60} minutes after`);
    expect(scaling).toContain(`A step scaling policy has at most ${MAXIMUM_STEPS} steps.`);
  });
});

describe("docs/local.md", () => {
  const local = readFileSync(join(ROOT, "docs", "local.md"), "utf8");

  it("has the default and the setting of each port", () => {
    const defaults = settingsSchema.parse({});
    for (const key of PORTS) expect(local).toContain(`| ${defaults[key]} | \`${key}\` |`);
    expect(local).toContain(`http://objects.localhost:${defaults.objectStorePort}/`);
  });

  it("lists all containers", async () => {
    const containers = (await dockerPlatform()).filter(({ type }) => type === "docker:index/container:Container");
    const rows = [...local.matchAll(/^\| ((?:`[a-z]+`(?:, )?)+) \| .* \| .*\| .*\|$/gm)].map(([, names]) => names);
    expect(rows.join(", ").replaceAll("`", "").split(", ").sort()).toEqual(containers.map(({ name }) => name).sort());
  });

  it("has the limit of request bodies", () => {
    expect(local).toContain(`A request body can be up to ${MAXIMUM_BODY_MIB} MiB.`);
  });
});
