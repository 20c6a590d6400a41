"""Installs one group of locked packages for /opt/venv, and nothing else, below /out: python3 install.py LOCK_FOLDER.

The folder holds `torch.cpu.txt` (from TORCH_CPU_INDEX), or `requirements.txt` (from UV_DEFAULT_INDEX), or both. The result has the
same bytes whenever it is made: no times, no bytecode that depends on them, no scripts with a path in them.
"""

import compileall
import os
import py_compile
import shutil
import subprocess
import sys
from pathlib import Path

# A root of its own, to be copied as a whole: a folder that a copy has to make itself gets the time of the build, and with it the layer.
OUT = Path("/out")
SITE = OUT / f"opt/venv/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"

# 1980-01-01, the first day that a zip file can name
EPOCH = 315532800

# What nothing is expected to load at run time: without these the application's API and worker become healthy, torch computes, and
# torchvision, cv2 and transformers import, all of it tried on a CPU only.
PRUNED = (
    "**/tests",
    "**/include",
    "**/*.a",
    "**/*.pyi",
    "**/*.pxd",
    "**/*.cu",
    "bin",
    "torch/bin/protoc*",
    "torch/share",
    "nvidia/**/libnvshmem_device*",
    "nvidia/**/nvshmem_*transport*",
    # For MPI and the like, whose libraries are not there
    "nvidia/**/nvshmem_bootstrap_[mps]*",
    "nvidia/**/libcusolverMg*",
    "nvidia/**/libnvblas*",
    "nvidia/**/libcufftw*",
    "nvidia/**/libcufile_rdma*",
    "nvidia/**/libcheckpoint*",
    "nvidia/**/libpcsamplingutil*",
)
# `torch.testing` and the like are imported by torch itself: its tests are a part of it.
KEPT = ("torch/",)

# Left without bytecode for its size: a model's code is imported when that model is used, and most of torch's compiler never.
NOT_COMPILED = ("transformers/models", "torch/_inductor")


def uv(*arguments: str) -> None:
    subprocess.run(
        ["uv", "pip", "install", "-q", "--python", sys.executable, "--target", str(SITE), "--no-deps", *arguments],
        check=True,
    )


def install(locks: Path) -> None:
    # An empty UV_DEFAULT_INDEX is an error for uv, not an absent one.
    if not os.environ.get("UV_DEFAULT_INDEX"):
        os.environ.pop("UV_DEFAULT_INDEX", None)
    torch = locks / "torch.cpu.txt"
    if torch.exists():
        hashed = ["--require-hashes"] if "--hash" in torch.read_text() else []
        uv("-r", str(torch), "--index-url", os.environ["TORCH_CPU_INDEX"], *hashed)
    requirements = locks / "requirements.txt"
    if requirements.exists():
        uv("-r", str(requirements), "--require-hashes")


def prune() -> None:
    for pattern in PRUNED:
        for path in sorted(SITE.glob(pattern)):
            inside = path.relative_to(SITE).as_posix()
            if pattern == "**/tests" and inside.startswith(KEPT):
                continue
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


def compile_all() -> None:
    for path in sorted(SITE.rglob("*.py")):
        if path.relative_to(SITE).as_posix().startswith(NOT_COMPILED):
            continue
        # A template with a .py name does not compile, and is never imported.
        compileall.compile_file(path, stripdir=OUT, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


def clamp() -> None:
    for root, folders, files in os.walk(OUT, topdown=False):
        for name in files + folders:
            os.utime(os.path.join(root, name), (EPOCH, EPOCH), follow_symlinks=False)


if __name__ == "__main__":
    SITE.mkdir(parents=True)
    install(Path(sys.argv[1]))
    prune()
    compile_all()
    clamp()
