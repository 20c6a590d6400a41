import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { parse } from "yaml";
import { z } from "zod";
import { APPLICATION } from "../../stack/app/application";
import { checkOut } from "../../stack/app/checkout";
import { isLeftOut } from "../../stack/app/left-out";
import { ROOT } from "../../stack/root";
import { stackFile } from "../stack-file";

/** The state of the repository before a change: a git ref. It tells what the author of a pull request changed. */
export class BaseRef {
  /**
   * @param ref - as in `origin/main`
   * @throws Error if the repository does not have the ref
   */
  constructor(private readonly ref: string) {
    if (git("rev-parse", "--verify", "--quiet", `${ref}^{commit}`) === undefined) {
      throw new Error(`--base ${ref}: the repository has no such commit. In a shallow clone, fetch it first.`);
    }
  }

  /** The configuration of a stack at the ref, and now, by key. Empty if it has no settings file. */
  configs(stack: string): { before: Config; after: Config } {
    const file = stackFile(stack);
    return {
      before: configOf(this.read(relative(ROOT, file))),
      after: configOf(existsSync(file) ? readFileSync(file, "utf8") : ""),
    };
  }

  /** Text of a file of the repository at the ref. Empty if there was none. @param path - relative to the project */
  read(path: string): string {
    return git("show", `${this.ref}:./${path}`) ?? "";
  }

  /**
   * The files of the application that differ, relative to the folder of its package. Empty if they cannot be compared: a preview that fails
   * because of the application says why.
   */
  async changedAppFiles(stack: string): Promise<string[]> {
    const { before, after } = this.configs(stack);
    const [old, current] = [before, after].map((config) => appSettings.safeParse(config["spatialforge:app"]).data);
    try {
      return old && current ? await this.changedFiles(old, current) : [];
    } catch {
      return [];
    }
  }

  private async changedFiles(old: AppSettings, current: AppSettings): Promise<string[]> {
    if ("path" in current) return this.changedInRepository(current.path);
    if ("path" in old || isDeepStrictEqual(old, current)) return [];
    const [from, to] = await Promise.all([old, current].map((app) => checkOut(app.repository, app.ref)));
    return changedBetween(join(from, old.folder ?? ""), join(to, current.folder ?? ""));
  }

  private changedInRepository(path: string): string[] {
    const folder = relative(ROOT, resolve(ROOT, path));
    const tracked = git("diff", "--name-only", "--relative", this.ref, "--", folder) ?? "";
    const untracked = git("ls-files", "--others", "--exclude-standard", "--", folder) ?? "";
    return `${tracked}\n${untracked}`
      .split("\n")
      .filter(Boolean)
      .map((file) => relative(folder, file))
      .filter(isShipped)
      .sort();
  }
}

export type Config = Record<string, unknown>;

const appSettings = z.union([
  z.object({ path: z.string() }),
  z.object({ repository: z.string(), ref: z.string(), folder: z.string().optional() }),
]);
type AppSettings = z.infer<typeof appSettings>;

/** The configuration in a settings file. Empty for an invalid file: the preview fails and says so. */
function configOf(text: string): Config {
  try {
    return (parse(text) as { config?: Config } | null)?.config ?? {};
  } catch {
    return {};
  }
}

/** Output of git in the project. Undefined if git fails, as it does for a file that does not exist at a ref. */
function git(...args: string[]): string | undefined {
  try {
    return execFileSync("git", args, { cwd: ROOT, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    return undefined;
  }
}

/** Whether an image contains a file of the application. @param file - relative to the folder of `pyproject.toml` */
const isShipped = (file: string): boolean =>
  new RegExp(`^(src/)?(${APPLICATION.package}|static)/`).test(file) && !isLeftOut(file);

function changedBetween(from: string, to: string): string[] {
  const [before, after] = [from, to].map(contents);
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names].filter((name) => before.get(name) !== after.get(name)).sort();
}

function contents(folder: string): Map<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const files = names.filter((name) => isShipped(name) && statSync(join(folder, name)).isFile());
  return new Map(files.map((name) => [name, readFileSync(join(folder, name), "latin1")]));
}
