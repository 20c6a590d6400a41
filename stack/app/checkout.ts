import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { withoutCredentials } from "../config/problem";
import { ROOT } from "../root";

const COMMIT = /^[0-9a-f]{40}$/;

/**
 * Checks out a ref of a repository to `.cache/apps`, with its submodules, and returns the folder. A commit is checked out once, a branch or
 * a tag on each call.
 * @throws Error with a remedy if git cannot read the repository, the ref, or a submodule.
 */
export async function checkOut(repository: string, ref: string): Promise<string> {
  // Without Git LFS, a checkout has pointers in place of files. After Git LFS is installed, it must not be used again.
  const lfs = await git("config", "filter.lfs.smudge").then(
    () => " lfs",
    () => "",
  );
  const hash = createHash("sha256").update(`${repository} ${ref}${lfs}`).digest("hex").slice(0, 16);
  const folder = join(ROOT, ".cache", "apps", hash);
  if (existsSync(folder) && COMMIT.test(ref)) return folder;
  const temporary = `${folder}.${process.pid}`;
  await mkdir(temporary, { recursive: true });
  try {
    await git("clone", "--quiet", "--no-checkout", repository, temporary).catch((error: GitError) => {
      throw new Error(`git cannot read the repository (${reasonOf(error)}): check its URL and your access`);
    });
    await git("-C", temporary, "checkout", "--quiet", "--detach", ref)
      .catch(() => git("-C", temporary, "checkout", "--quiet", "--detach", `origin/${ref}`))
      .catch(() => {
        throw new Error(`the repository has no ref ${ref}: use a commit, tag, or branch`);
      });
    await git("-C", temporary, "submodule", "--quiet", "update", "--init", "--recursive").catch((error: GitError) => {
      throw new Error(
        `git cannot check out the submodules (${reasonOf(error)}): check their URLs in .gitmodules and your access`,
      );
    });
    await rm(folder, { recursive: true, force: true });
    await rename(temporary, folder);
    return folder;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** A ref as part of a release ID: the first 12 digits of a commit, or the name of a branch or tag in the characters of an image tag. */
export const refSlug = (ref: string): string =>
  COMMIT.test(ref)
    ? ref.slice(0, 12)
    : ref
        .toLowerCase()
        .replace(/[^a-z0-9._]+/g, "-")
        .replace(/^\W+/, "")
        .slice(0, 40);

type GitError = Error & { stderr?: string };

const run = promisify(execFile);
const git = (...args: string[]) => run("git", args, { env: { ...process.env, GIT_TERMINAL_PROMPT: "0" } });

/** The last error in the output of git, without the credentials that a URL in it can contain. */
function reasonOf({ stderr, message }: GitError): string {
  const lines = (stderr || message).trim().split("\n");
  return withoutCredentials(lines.filter((line) => line.startsWith("fatal:")).at(-1) ?? lines.at(-1) ?? "");
}
