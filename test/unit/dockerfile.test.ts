import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseSettings } from "../../stack/config/parse";
import { ROOT } from "../../stack/root";

/** Variables of the images that a user may set: they change how Python prints and imports, and the precision of the models. */
const FREE = ["PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "TORCH_DTYPE"];

/** The variables that the images have when they run: those of the stage `runtime` and of the stages after it. */
function imageVariables(): [name: string, value: string][] {
  const [, runtime] = readFileSync(join(ROOT, "images", "Dockerfile"), "utf8").split(/^FROM \S+ AS runtime$/m);
  const lines = runtime.replaceAll("\\\n", " ").split("\n");
  const assignments = lines.filter((line) => line.startsWith("ENV ")).flatMap((line) => line.split(/\s+/).slice(1));
  return assignments.map((assignment) => /^(\w+)=(.*)$/.exec(assignment)!.slice(1) as [string, string]);
}

describe("the variables in images/Dockerfile", () => {
  it("put the caches of libraries on the model volume", () => {
    expect(Object.fromEntries(imageVariables())).toMatchObject({
      HF_HOME: "/models/huggingface",
      TORCH_HOME: "/models/torch",
      XDG_CACHE_HOME: "/models/cache",
    });
  });

  it.each([...new Set(imageVariables().map(([name]) => name))])("%s: env rejects it, unless it may change", (name) => {
    const { problems } = parseSettings({ values: { env: JSON.stringify({ [name]: "x" }) }, stack: "local" });
    expect(problems.map(({ key }) => key)).toEqual(FREE.includes(name) ? [] : [`env.${name}`]);
  });
});
