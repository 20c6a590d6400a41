import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { LockError } from "../../stack/lock/error";

/** Environment variables that are passed to uv. They may change where packages are downloaded from, but not which versions are selected. */
const UV_SETTINGS =
  /^UV_(CACHE_DIR|CONCURRENT_.*|DEFAULT_INDEX|EXTRA_INDEX_URL|HTTP_.*|INDEX|INDEX_URL|INDEX_.*_(PASSWORD|USERNAME)|INSECURE_HOST|KEYRING_PROVIDER|NATIVE_TLS|OFFLINE|PYTHON_.*|SYSTEM_CERTS)$/;

/**
 * Runs uv in a project folder and returns its output. uv reads `config.toml` in the folder instead of the configuration files of the user and
 * the system, and instead of the settings in the `pyproject.toml` that such a file can contain.
 * @throws LockError with the message of uv
 */
export async function uv(folder: string, ...args: string[]): Promise<string> {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith("UV_") || UV_SETTINGS.test(name)),
  );
  try {
    const options = ["--config-file", "config.toml", "--no-progress", "--color", "never"];
    const { stdout } = await promisify(execFile)("uv", [...args, ...options], { cwd: folder, env, maxBuffer: 2 ** 26 });
    return stdout;
  } catch (error) {
    const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === "ENOENT") throw new LockError("uv is not on PATH. Install it: https://docs.astral.sh/uv/");
    throw new LockError(`uv ${args[0]} failed:\n${stderr || String(error)}`);
  }
}
