import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify as stringifyToml } from "smol-toml";
import { LockError } from "../../stack/lock/error";
import { parsePins, pinText } from "../../stack/lock/pin";
import type { Pin } from "../../stack/lock/pin";
import { LOCK_ENVIRONMENT } from "../../stack/lock/targets";

/**
 * Environment variables that are passed to uv. They may change where packages are downloaded from, but not which versions are selected.
 * The exception is UV_EXCLUDE_NEWER, a policy that the user has set on purpose.
 */
const UV_SETTINGS =
  /^UV_(CACHE_DIR|CONCURRENT_.*|DEFAULT_INDEX|EXCLUDE_NEWER|EXTRA_INDEX_URL|HTTP_.*|INDEX|INDEX_URL|INDEX_.*_(PASSWORD|USERNAME)|INSECURE_HOST|KEYRING_PROVIDER|NATIVE_TLS|OFFLINE|PYTHON_.*|SYSTEM_CERTS)$/;

interface CompileOptions {
  readonly python: string;
  readonly requirements: readonly string[];
  /** Packages must have these versions. */
  readonly constraints?: readonly Pin[];
  /** Packages keep these versions if possible. */
  readonly preferences?: readonly Pin[];
  /** Names of packages to exclude, together with dependencies that only they need. */
  readonly excluded: readonly string[];
  readonly hashes?: boolean;
}

/** Resolves requirements and all their dependencies with `uv pip compile`. */
export function compile({
  python,
  requirements,
  constraints = [],
  preferences = [],
  excluded,
  hashes = false,
}: CompileOptions): Pin[] {
  if (requirements.length === 0) {
    return [];
  }
  const folder = mkdtempSync(join(tmpdir(), "lock-"));
  try {
    writeFileSync(
      join(folder, "pyproject.toml"),
      stringifyToml({
        project: { name: "lock", version: "0", "requires-python": `>=${python}`, dependencies: requirements },
        tool: {
          uv: {
            environments: [LOCK_ENVIRONMENT],
            "exclude-dependencies": excluded,
            "constraint-dependencies": constraints.map(pinText),
          },
        },
      }),
    );
    const output = join(folder, "requirements.txt");
    if (preferences.length > 0) {
      // Without hashes: uv would copy hashes from this file and not read them from the index.
      writeFileSync(output, preferences.map((pin) => `${pinText(pin)}\n`).join(""));
    }
    const options = ["--universal", "--python-version", python, "--no-annotate", "--no-header", "--quiet"];
    uv(
      [
        "pip",
        "compile",
        "pyproject.toml",
        "--output-file",
        output,
        ...options,
        ...(hashes ? ["--generate-hashes"] : []),
      ],
      folder,
    );
    return parsePins(readFileSync(output, "utf8"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function uv(args: readonly string[], cwd: string): void {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith("UV_") || UV_SETTINGS.test(name)),
  );
  try {
    execFileSync("uv", args, { cwd, env, stdio: ["ignore", "ignore", "pipe"], encoding: "utf8" });
  } catch (error) {
    const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: string };
    throw new LockError(
      code === "ENOENT"
        ? "uv is not on PATH. Install it: https://docs.astral.sh/uv/"
        : `uv cannot resolve the dependencies:\n${stderr ?? String(error)}`,
    );
  }
}
