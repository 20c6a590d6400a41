"""Starts a role of SpatialForge: entrypoint.py api|worker|beat, or any other command as it is."""

import os
import shutil
import sys
from importlib import metadata

import nvml
from settings import CELERY_APP, QUEUES, STATE, setting

PYTHON = sys.executable


def pool() -> list[str]:
    """The worker's pool: Celery's own, or where an ECS agent can be asked the one that keeps its task from scale-in."""
    if setting("SCALE_IN_PROTECTION") != "1" or not setting("ECS_AGENT_URI"):
        return []
    os.environ["CELERY_CUSTOM_WORKER_POOL"] = "protection:ProtectingPool"  # what Celery calls `custom`
    return ["--pool", "custom"]


ROLES = {
    "api": lambda: [
        *(PYTHON, "-m", "uvicorn", "spatialforge.main:app", "--host", "0.0.0.0", "--port", setting("PORT")),
        *("--timeout-keep-alive", setting("UVICORN_KEEP_ALIVE_S"), "--timeout-graceful-shutdown", setting("UVICORN_GRACE_S")),
    ],
    "worker": lambda: [
        *(PYTHON, "-m", "celery", "-A", CELERY_APP, "worker", "--loglevel=info", "--concurrency=1"),
        *("-Q", ",".join(QUEUES), "--max-tasks-per-child=50", *pool()),
        # While Redis is away a finished job waits to store its result. By default Celery tries once and calls the job failed.
        *("--", "result.backend_always_retry=yes"),
    ],
    "beat": lambda: [
        *(PYTHON, "-m", "celery", "-A", CELERY_APP, "beat", "--loglevel=info", "--scheduler", "beat:TickingScheduler"),
        *("--schedule", f"{STATE}/schedule", "--max-interval", "10"),
    ],
    "fill-models": lambda: [PYTHON, "-m", "fill_models"],
}
ON_GPU = ("api", "worker")

# The least driver branch for a CUDA major version: CUDA Compatibility, "Minor Version Compatibility",
# https://docs.nvidia.com/deploy/cuda-compatibility/
LEAST_DRIVER = {12: 525, 13: 580}

EX_CONFIG = 78


def cuda_major() -> int | None:
    """The CUDA that torch's packages bring; None if there is none."""
    for name in ("nvidia-cuda-runtime", *(f"nvidia-cuda-runtime-cu{major}" for major in LEAST_DRIVER)):
        try:
            return int(metadata.version(name).split(".")[0])
        except metadata.PackageNotFoundError:
            continue
    return None


def gpu_problem() -> str | None:
    try:
        driver = nvml.driver()
    except nvml.NoDriver as error:
        return f"{error}: run it with the NVIDIA runtime on a GPU host, or use the CPU image"
    if driver.gpus == 0:
        return f"the NVIDIA driver {driver.version} shows no GPU: give the container one (NVIDIA_VISIBLE_DEVICES)"
    major = cuda_major()
    least = LEAST_DRIVER.get(major or 0, 0)
    if driver.branch < least:
        return f"driver {driver.version} is too old for CUDA {major}: it needs branch {least} or newer; update the host's driver"
    return None


def main(arguments: list[str]) -> None:
    role = arguments[0] if arguments else "api"
    if role not in ROLES:
        os.execvp(role, arguments)
    if role in ON_GPU and setting("GPU_REQUIRED") == "1" and (problem := gpu_problem()):
        print(f"spatialforge {role}: {problem}", file=sys.stderr)
        raise SystemExit(EX_CONFIG)
    shutil.rmtree(STATE, ignore_errors=True)  # a restarted container keeps its /tmp
    STATE.mkdir(parents=True)
    (STATE / "role").write_text(role)
    os.execv(PYTHON, ROLES[role]())


if __name__ == "__main__":
    main(sys.argv[1:])
