"""Installs one group of locked packages for /opt/venv below /out: `install.py LOCK_FOLDER`.

The folder contains `torch.cpu.txt` (installed from TORCH_CPU_INDEX), `requirements.txt` (from UV_DEFAULT_INDEX), or both. The
result is reproducible: it contains no times, no bytecode that depends on times, and no scripts that contain a path.
"""

import compileall
import os
import py_compile
import shutil
import subprocess
import sys
from pathlib import Path

# Copied as a whole. A directory that COPY creates would have the time of the build, which would change the layer.
OUT = Path("/out")
SITE = OUT / f"opt/venv/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"

# 1980-01-01, the earliest date that a zip file can contain
EPOCH = 315532800

# Files that the application does not load at run time. Verified without them, on a CPU only: the API and the worker become healthy,
# torch computes, and torchvision, cv2, and transformers can be imported.
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
    # For MPI and similar systems, whose libraries are not installed
    "nvidia/**/nvshmem_bootstrap_[mps]*",
    "nvidia/**/libcusolverMg*",
    "nvidia/**/libnvblas*",
    "nvidia/**/libcufftw*",
    "nvidia/**/libcufile_rdma*",
    "nvidia/**/libcheckpoint*",
    "nvidia/**/libpcsamplingutil*",
)
# torch imports test modules such as `torch.testing` itself.
KEPT = ("torch/",)

# Not compiled, to save space: the code of a model is imported only when the model is used, and most of torch's compiler never is.
NOT_COMPILED = ("transformers/models", "torch/_inductor")


def uv(*arguments: str) -> None:
    subprocess.run(
        ["uv", "pip", "install", "-q", "--python", sys.executable, "--target", str(SITE), "--no-deps", *arguments],
        check=True,
    )


def install(locks: Path) -> None:
    # uv rejects an empty UV_DEFAULT_INDEX.
    if not os.environ.get("UV_DEFAULT_INDEX"):
        os.environ.pop("UV_DEFAULT_INDEX", None)
    torch = locks / "torch.cpu.txt"
    if torch.exists():
        hashed = ["--require-hashes"] if "--hash" in torch.read_text() else []
        uv("-r", str(torch), "--index-url", os.environ["TORCH_CPU_INDEX"], *hashed)
    requirements = locks / "requirements.txt"
    if requirements.exists():
        # The hashes decide which file is installed, so each index may have it.
        uv("-r", str(requirements), "--require-hashes", "--index-strategy", "unsafe-best-match")


def prune() -> None:
    for pattern in PRUNED:
        for path in sorted(SITE.glob(pattern)):
            relative = path.relative_to(SITE).as_posix()
            if pattern == "**/tests" and relative.startswith(KEPT):
                continue
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


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
    prune()
    compile_all()
    set_times()
