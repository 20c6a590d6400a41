import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { AWS_KEYS } from "../../stack/config/aws-schema";
import { KNOWN_KEYS } from "../../stack/config/schema";
import { ROOT } from "../../stack/root";

const PAGES = ["README.md", ...readdirSync(join(ROOT, "docs")).map((name) => join("docs", name))].filter((name) =>
  name.endsWith(".md"),
);
const read = (page: string): string => readFileSync(join(ROOT, page), "utf8");

/** The anchors that GitHub gives the headings of a page. */
function anchorsOf(page: string): string[] {
  const headings = Array.from(read(page).matchAll(/^#+ (.*)$/gm), ([, text]) => text);
  return headings.map((text) =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

describe.each(PAGES)("%s", (page) => {
  const text = read(page);

  it("links only to files and headings that exist", () => {
    const links = Array.from(text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g), ([, target]) => target);
    const dead = links.filter((link) => {
      const [path, anchor] = link.split("#");
      const target = path ? relative(ROOT, join(ROOT, dirname(page), path)) : page;
      if (!existsSync(join(ROOT, target))) return true;
      return anchor !== undefined && statSync(join(ROOT, target)).isFile() && !anchorsOf(target).includes(anchor);
    });
    expect(dead).toEqual([]);
  });

  it("names only npm scripts that exist", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    const current = text.replace(/^\| command \| `[^`]+`/gm, ""); // the old name in the table of renamed commands
    const named = Array.from(current.matchAll(/\bnpm run (?:-s )?([a-z][\w:-]*)/g), ([, name]) => name);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });

  it("sets only settings that exist", () => {
    const paths = Object.entries({ ...KNOWN_KEYS, ...AWS_KEYS }).flatMap(([section, keys]) =>
      keys.map((key) => (section ? `${section}.${key}` : key)),
    );
    const named = Array.from(
      text.matchAll(/\bconfig (?:set|get|rm) .*?\bspatialforge:([a-z]\w*(?:\.[a-z]\w*)*)/g),
      ([, path]) => path,
    );
    const unknown = named.filter((path) => !paths.some((known) => path === known || path.startsWith("env.")));
    expect(unknown).toEqual([]);
  });
});
