"""Installs one group of locked packages for /opt/venv below /out: `install.py LOCK_FOLDER`.

The folder contains some of these files:
- `torch.cpu.txt`: wheels from TORCH_CPU_INDEX
- `requirements.txt`: wheels from UV_DEFAULT_INDEX, UV_INDEX, and the indexes in the file
- `source.txt`: packages without a wheel, which are compiled
- `git.txt`: packages from git repositories, each at a commit. They have no hashes.
- `keep-files.json`: `app.keepFiles` for the packages of the group

The result is reproducible: it contains no times, no bytecode that depends on times, and no scripts that contain a path.
"""

import compileall
import json
import os
import py_compile
import shutil
import subprocess
import sys
from pathlib import Path

from prune import pinned, prune

# Copied as a whole. A directory that COPY creates would have the time of the build, which would change the layer.
OUT = Path("/out")
SITE = OUT / f"opt/venv/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"

# 1980-01-01, the earliest date that a zip file can contain
EPOCH = 315532800

# Not compiled, to save space: the code of a model is imported only when the model is used, and most of torch's compiler never is.
NOT_COMPILED = ("transformers/models", "torch/_inductor")


def uv(file: Path, *options: str) -> str | None:
    """Installs the packages in a lock file. Returns the error output if it fails."""
    command = ["uv", "pip", "install", "-q", "--python", sys.executable, "--target", str(SITE), "--no-deps", "-r", str(file)]
    run = subprocess.run([*command, *options], stderr=subprocess.PIPE, text=True)
    sys.stderr.write(run.stderr)
    return run.stderr if run.returncode else None


def failed(file: Path, errors: str) -> str:
    """The packages in a lock file that an error output of uv names, or all."""
    names = pinned(file.read_text())
    return ", ".join([name for name in names if f"`{name}==" in errors or f"`{name} @" in errors] or names)


def install(locks: Path) -> None:
    # uv rejects an empty UV_DEFAULT_INDEX.
    if not os.environ.get("UV_DEFAULT_INDEX"):
        os.environ.pop("UV_DEFAULT_INDEX", None)
    # Compilers and archives write this time instead of the current one.
    os.environ["SOURCE_DATE_EPOCH"] = str(EPOCH)
    # The hashes decide which file is installed, so each index may have it.
    hashed = ["--require-hashes", "--index-strategy", "unsafe-best-match"]
    python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    compiled = "Set app.buildPackages to the OS packages that it needs, such as libpq-dev for psycopg2."
    private = " Set netrc if the repository is private."
    torch = locks / "torch.cpu.txt"
    torch_hashes = ["--require-hashes"] if torch.exists() and "--hash" in torch.read_text() else []
    steps = (
        (torch, ["--index-url", os.environ.get("TORCH_CPU_INDEX", ""), *torch_hashes], "The CPU builds of torch cannot be installed"),
        (locks / "requirements.txt", ["--only-binary", ":all:", *hashed], f"A package cannot be installed. It may have no wheel for {python}"),
        (locks / "source.txt", hashed, "A package without a wheel cannot be compiled: {names}. " + compiled),
        (locks / "git.txt", [], "A package from a git repository cannot be installed: {names}. " + compiled + private),
    )
    for file, options, problem in steps:
        if file.exists() and (errors := uv(file, *options)) is not None:
            raise SystemExit(problem.format(names=failed(file, errors)))


def keep_files(locks: Path) -> dict[str, list[str]]:
    """`app.keepFiles` for the packages of this group."""
    file = locks / "keep-files.json"
    return json.loads(file.read_text()) if file.exists() else {}


def compile_all() -> None:
    for path in sorted(SITE.rglob("*.py")):
        if path.relative_to(SITE).as_posix().startswith(NOT_COMPILED):
            continue
        # Templates named .py fail to compile and are never imported.
        compileall.compile_file(path, stripdir=OUT, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


def set_times() -> None:
    for root, folders, files in os.walk(OUT, topdown=False):
        for name in files + folders:
            os.utime(os.path.join(root, name), (EPOCH, EPOCH), follow_symlinks=False)


if __name__ == "__main__":
    SITE.mkdir(parents=True)
    install(Path(sys.argv[1]))
    # Scripts contain a path of the build.
    shutil.rmtree(SITE / "bin", ignore_errors=True)
    prune(SITE, keep_files(Path(sys.argv[1])))
    compile_all()
    set_times()
