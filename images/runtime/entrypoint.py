"""Starts a role of the application: `entrypoint.py api|worker|beat|download-models|verify`. Runs any other command unchanged."""

import os
import re
import shutil
import sys
from importlib import metadata

import nvml
from settings import API_APP, CELERY_APP, PACKAGE, STATE, TOOLKIT_DRIVERS, setting

PYTHON = sys.executable


def pool() -> list[str]:
    """Options for the worker's pool: with an ECS agent, the pool that protects its task from scale-in. Otherwise Celery's default."""
    if setting("SCALE_IN_PROTECTION") != "1" or not setting("ECS_AGENT_URI"):
        return []
    os.environ["CELERY_CUSTOM_WORKER_POOL"] = "protection:ProtectedPool"  # the pool that Celery names `custom`
    return ["--pool", "custom"]


COMMANDS = {
    "api": lambda: [
        *(PYTHON, "-m", "uvicorn", API_APP, "--host", "0.0.0.0", "--port", setting("PORT")),
        *("--timeout-keep-alive", setting("UVICORN_KEEP_ALIVE_S"), "--timeout-graceful-shutdown", setting("UVICORN_GRACE_S")),
    ],
    "worker": lambda: [
        *(PYTHON, "-m", "celery", "-A", CELERY_APP, "worker", "--loglevel=info", "--concurrency=1"),
        *("-Q", setting("WORKER_QUEUES"), "--max-tasks-per-child=50", *pool()),
        # While Redis is unavailable, a completed job waits to store its result. By default, Celery tries once and marks the job failed.
        *("--", "result.backend_always_retry=yes"),
    ],
    "beat": lambda: [
        *(PYTHON, "-m", "celery", "-A", CELERY_APP, "beat", "--loglevel=info", "--scheduler", "beat:TickingScheduler"),
        *("--schedule", f"{STATE}/schedule", "--max-interval", "10"),
    ],
    "download-models": lambda: [PYTHON, "-m", "download_models", *sys.argv[2:]],
    "verify": lambda: [PYTHON, "-m", "verify", *sys.argv[2:]],
}
GPU_COMMANDS = ("api", "worker")

# Exit code for a configuration error, from sysexits.h
EX_CONFIG = 78


def cuda_version() -> str | None:
    """MAJOR.MINOR of the CUDA runtime that torch depends on. None if it is not installed."""
    majors = {version.split(".")[0] for version in TOOLKIT_DRIVERS}
    for name in ("nvidia-cuda-runtime", *(f"nvidia-cuda-runtime-cu{major}" for major in majors)):
        try:
            return ".".join(metadata.version(name).split(".")[:2])
        except metadata.PackageNotFoundError:
            continue
    return None


def numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def gpu_problem() -> str | None:
    try:
        driver = nvml.driver()
    except nvml.DriverUnavailable as error:
        return f"{error}: run the image with the NVIDIA runtime on a machine with a GPU, or use the CPU image"
    if driver.gpus == 0:
        return f"the NVIDIA driver {driver.version} reports no GPU: assign a GPU to the container (NVIDIA_VISIBLE_DEVICES)"
    cuda = cuda_version() or ""
    # Minor version compatibility: the driver of the first toolkit with the same major version is enough.
    minimum = TOOLKIT_DRIVERS.get(f"{cuda.split('.')[0]}.0", "0")
    if numbers(driver.version) < numbers(minimum):
        return f"the NVIDIA driver {driver.version} is too old for CUDA {cuda}: install version {minimum} or later on the machine"
    own = TOOLKIT_DRIVERS.get(cuda, "0")
    if numbers(driver.version) < numbers(own):
        text = f"the NVIDIA driver {driver.version} is older than that of CUDA {cuda}, {own}: code that is compiled at run time (PTX) can fail"
        print(f"{PACKAGE}: {text}", file=sys.stderr)
    return None


def start_gpu_metrics() -> None:
    """Starts the process that publishes the metrics of the GPU. The init adopts it, so that the role has no child that it does not know."""
    if (child := os.fork()) == 0:
        if os.fork() == 0:
            # -S: without the packages of the application, it uses less memory.
            os.execv(PYTHON, [PYTHON, "-S", os.path.join(os.path.dirname(__file__), "gpu_metrics.py")])
        os._exit(0)
    os.waitpid(child, 0)


def main(arguments: list[str]) -> None:
    command = arguments[0] if arguments else "api"
    if command not in COMMANDS:
        os.execvp(command, arguments)
    if command in GPU_COMMANDS and setting("GPU_REQUIRED") == "1" and (problem := gpu_problem()):
        print(f"{PACKAGE} {command}: {problem}", file=sys.stderr)
        raise SystemExit(EX_CONFIG)
    shutil.rmtree(STATE, ignore_errors=True)  # /tmp persists when a container restarts
    STATE.mkdir(parents=True)
    (STATE / "role").write_text(command)
    if command in GPU_COMMANDS and setting("GPU_REQUIRED") == "1" and setting("METRICS_NAMESPACE"):
        start_gpu_metrics()
    os.execv(PYTHON, COMMANDS[command]())


if __name__ == "__main__":
    main(sys.argv[1:])
