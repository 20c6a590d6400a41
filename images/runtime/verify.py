"""Runs this image once in the place where it will run: `entrypoint.py verify api|worker`.

Prints a line for each step. The exit code is 0 if all steps pass. Otherwise the last line says which step failed and why, and the exit
code is 1. Beat is not verified by this command: it would run the schedule.
"""

import io
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable

import healthcheck
import nvml
from entrypoint import COMMANDS, gpu_problem
from settings import PACKAGE, STATE, setting

# Name of everything that this run creates in Redis and in the object store.
NAME = f"verify-{secrets.token_hex(8)}"
# Prefixes of the keys in which kombu stores that a queue exists. It does not delete them.
BINDINGS = ("_kombu.binding", "_kombu.binding_permanent")
# Seconds before the key of this run expires in Redis, if nothing deletes it.
KEY_EXPIRES_S = 60
# Seconds between two health checks of the role.
POLL_S = 1
# Seconds from SIGTERM to the end of the role, which has no requests and no jobs.
STOP_S = 60
NO_GPU = "left out: this image requires no GPU"


class Failed(Exception):
    """The message gives the reason in one line."""


class Interrupted(Failed):
    """The step has no time left, or the task is stopped."""


def check_driver(role: str) -> str:
    if setting("GPU_REQUIRED") != "1":
        return NO_GPU
    if problem := gpu_problem():
        raise Failed(problem)
    driver = nvml.driver()
    return f"NVIDIA driver {driver.version}, number of GPUs: {driver.gpus}"


def compute_on_gpu(role: str) -> str:
    return in_child("gpu") if setting("GPU_REQUIRED") == "1" else NO_GPU


def import_application(role: str) -> str:
    return in_child(role)


def in_child(name: str) -> str:
    """Runs a function of `verify_child`. Its process does not hold memory or the GPU afterwards."""
    command = [sys.executable, "-m", "verify_child", name]
    child = subprocess.run(command, stdout=subprocess.PIPE, text=True, errors="replace")
    if child.returncode < 0:
        raise Failed(f"the process ended by {signal.Signals(-child.returncode).name}")
    result = (child.stdout.strip().splitlines() or [f"the process ended with exit code {child.returncode}"])[-1]
    if child.returncode:
        raise Failed(result)
    return result


def use_redis(role: str) -> str:
    import redis

    healthcheck.check_redis()
    client, value = healthcheck.redis_client(), NAME.encode()
    try:
        client.set(NAME, value, ex=KEY_EXPIRES_S)
        found, deleted = client.get(NAME), client.delete(NAME)
    except redis.RedisError as error:
        # Not the message of the error, which may contain the password.
        raise Failed(f"a key cannot be written, read, and deleted ({type(error).__name__})") from None
    if found != value or deleted != 1:
        raise Failed("Redis did not return the value that was written")
    return "a key was written, read, and deleted"


def use_object_store(role: str) -> str:
    from minio import Minio  # the client of the application

    endpoint, bucket, key = os.environ.get("MINIO_ENDPOINT", ""), os.environ.get("MINIO_BUCKET", ""), f"verify/{NAME}"
    data = os.urandom(1024)
    try:
        client = Minio(
            endpoint,
            access_key=os.environ.get("MINIO_ACCESS_KEY"),
            secret_key=os.environ.get("MINIO_SECRET_KEY"),
            secure=os.environ.get("MINIO_SECURE", "").lower() in ("1", "true", "yes", "on"),
        )
        client.put_object(bucket, key, io.BytesIO(data), len(data))
        response = client.get_object(bucket, key)
        try:
            found = response.read()
        finally:
            response.close()
            response.release_conn()
        client.remove_object(bucket, key)
    except Interrupted:
        raise
    except Exception as error:  # the client raises its own errors, and those of urllib3
        raise Failed(f"an object cannot be written, read, and deleted in {bucket} at {endpoint} ({type(error).__name__}: {error})") from None
    if found != data:
        raise Failed(f"{bucket} at {endpoint} did not return the object that was written")
    return f"an object in {bucket} was written, read, and deleted"


def run_role(role: str) -> str:
    """Starts the role as the entrypoint starts it. A worker consumes a queue that nobody else uses, so it gets no jobs."""
    os.environ["WORKER_QUEUES"] = NAME
    (STATE / "role").write_text(role)
    process = subprocess.Popen(COMMANDS[role]())
    try:
        wait_until_healthy(role, process)
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            raise Failed(f"it was healthy, and did not stop within {STOP_S} s after SIGTERM") from None
    finally:
        process.kill()
        process.wait()
        if role == "worker":
            healthcheck.redis_client().delete(*(f"{prefix}.{NAME}" for prefix in BINDINGS))
    return "it became healthy, and stopped after SIGTERM"


def wait_until_healthy(role: str, process: subprocess.Popen) -> None:
    reason = "its health check did not finish"
    try:
        while process.poll() is None:
            try:
                return healthcheck.CHECKS[role]()
            except healthcheck.Unhealthy as error:
                reason = str(error)
            time.sleep(POLL_S)
    except Interrupted as error:
        raise Failed(f"{error}, and the last check failed: {reason}") from None
    raise Failed(f"it ended with exit code {process.returncode} before it was healthy")


STEPS: dict[str, Callable[[str], str]] = {
    "GPU driver": check_driver,
    "computation on the GPU": compute_on_gpu,
    "import of the application": import_application,
    "Redis": use_redis,
    "object store": use_object_store,
    "health check": run_role,
}


def interrupt(signum: int, _) -> None:
    raise Interrupted(f"the limit of {setting('VERIFY_STEP_S')} s expired" if signum == signal.SIGALRM else "the task is stopped")


def run_step(role: str, name: str) -> None:
    start = time.monotonic()
    signal.alarm(int(setting("VERIFY_STEP_S")))
    try:
        result = STEPS[name](role)
    except (Failed, healthcheck.Unhealthy) as error:
        reason = " ".join(str(error).split())
        sys.exit(f"verify {role}: {name} failed after {time.monotonic() - start:.1f} s: {reason}")
    finally:
        signal.alarm(0)
    print(f"verify {role}: {name}: {result} ({time.monotonic() - start:.1f} s)", flush=True)


def main(arguments: list[str]) -> None:
    role = arguments[0] if arguments else ""
    if role not in ("api", "worker"):
        sys.exit(f"{PACKAGE} verify: the role is {role!r}: use api or worker")
    for signum in (signal.SIGALRM, signal.SIGTERM):
        signal.signal(signum, interrupt)
    for name in STEPS:
        run_step(role, name)
    print(f"verify {role}: all steps passed on {socket.gethostname()}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
