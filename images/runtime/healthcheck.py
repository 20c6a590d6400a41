"""Reports in one line whether this container works. The exit code is 0 if it does. Imports neither torch nor the application.

ECS shows the output of a health check nowhere. So the line is also written to the log of the container when it changes.
"""

import os
import re
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import model_set
import nvml
from gpu_metrics import GPU_FAILED
from settings import API_APP, CELERY_APP, HEALTH_PATH, STATE, setting

TIMEOUT_S = 4  # for each request; a check makes up to three within Docker's timeout

# Files in STATE. The modification time of a file is the start of the condition that it names.
REDIS_UNAVAILABLE = "redis-unavailable"
UNHEALTHY = "unhealthy"
TERMINATED = "terminated"
WAS_HEALTHY = "was-healthy"
SUCCEEDS = "succeeds"
# File in STATE with the last line in the log.
LOGGED = "logged"

# Start of each line in the log. stack/images/health-check.ts looks for it.
LOG_PREFIX = "health check: "
# The output of process 1 is the log of the container. Its error output, because beat writes metrics to the other stream.
LOG = "/proc/1/fd/2"
# A write of at most this many bytes to a pipe is not mixed with other writes (PIPE_BUF, pipe(7)).
MAXIMUM_WRITE = 4096
# Time since the start of a condition. It changes with each check.
ELAPSED = re.compile(r" for \d+ s\b")


class Unhealthy(Exception):
    """The message gives the reason in one line."""


class RedisUnavailable(Unhealthy):
    """Tolerated for a limited time."""


class ModelsMissing(Unhealthy):
    """A restart would not help."""


def redis_client():
    import redis

    return redis.Redis.from_url(setting("REDIS_URL"), socket_timeout=2, socket_connect_timeout=2)


def check_redis() -> None:
    import redis

    try:
        redis_client().ping()
    except redis.RedisError as error:
        url = urlsplit(setting("REDIS_URL"))
        address = f"{url.hostname}:{url.port or 6379}"
        raise RedisUnavailable(f"Redis does not respond at {address} ({type(error).__name__})") from None


def check_gpu() -> None:
    if setting("GPU_REQUIRED") != "1":
        return
    if (failed := STATE / GPU_FAILED).exists():
        raise Unhealthy(failed.read_text())
    try:
        if nvml.driver().gpus == 0:
            raise Unhealthy("this container no longer has a GPU")
    except nvml.DriverUnavailable as error:
        raise Unhealthy(str(error)) from None


def check_models() -> None:
    if problem := model_set.problem():
        raise ModelsMissing(f"{problem}: run `npm run models -- --stack NAME`")


# Without a proxy: the API runs in this container.
OPEN = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


def get(path: str, key: str | None = None) -> int:
    """Status code of a request to the API."""
    request = urllib.request.Request(f"http://127.0.0.1:{setting('PORT')}{path}", headers={"X-API-Key": key} if key else {})
    try:
        with OPEN(request, timeout=TIMEOUT_S) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError as error:
        raise Unhealthy(f"{path} does not respond ({getattr(error, 'reason', error)})") from None


def check_api() -> None:
    if (code := get(HEALTH_PATH)) != 200:
        raise Unhealthy(f"{HEALTH_PATH} returned {code}")
    check_models()
    check_gpu()
    check_redis()
    # An unknown API key makes the application read Redis. Without a key, it responds before that.
    route = setting("HEALTH_AUTH_ROUTE")
    if (code := get(route, "health-check-unknown-key")) != 401:
        raise Unhealthy(f"{route} returned {code} for an unknown API key instead of 401: authentication does not work")


def check_worker() -> None:
    check_models()
    check_gpu()
    check_redis()
    from celery import Celery

    node = f"celery@{socket.gethostname()}"
    app = Celery(broker=setting("REDIS_URL"), set_as_current=False)
    app.conf.broker_transport_options = {"socket_timeout": 3, "socket_connect_timeout": 3}
    answer = app.control.inspect(destination=[node], timeout=TIMEOUT_S).active()
    if not answer:
        raise Unhealthy(f"the worker {node} does not respond")
    limit = float(setting("HEALTH_JOB_LIMIT_S"))
    for job in answer.get(node, []):
        age = time.time() - (job.get("time_start") or time.time())
        if age > limit:
            raise Unhealthy(f"job {job['id']} has been running for {age:.0f} s (limit: {limit:.0f} s)")


def check_beat() -> None:
    tick, limit = STATE / "tick", float(setting("HEALTH_BEAT_TICK_S"))
    if not tick.exists():
        raise Unhealthy("beat has not ticked yet")
    if (age := time.time() - tick.stat().st_mtime) > limit:
        raise Unhealthy(f"beat has not ticked for {age:.0f} s (limit: {limit:.0f} s)")
    check_redis()


CHECKS = {"api": check_api, "worker": check_worker, "beat": check_beat}


def seconds_since(condition: str) -> float:
    """Seconds since the condition started. It starts now if it has not started before."""
    path = STATE / condition
    if not path.exists():
        path.touch()
    return time.time() - path.stat().st_mtime


def clear(*conditions: str) -> None:
    for condition in conditions:
        (STATE / condition).unlink(missing_ok=True)


def main_process() -> int:
    """Process id of the application, which is the child of the init (process 1)."""
    for process in os.listdir("/proc"):
        if not process.isdigit() or int(process) == os.getpid():
            continue
        try:
            with open(f"/proc/{process}/stat") as stat, open(f"/proc/{process}/cmdline") as command_line:
                parent = int(stat.read().rpartition(")")[2].split()[1])
                if parent == 1 and (API_APP in (command := command_line.read()) or CELERY_APP in command):
                    return int(process)
        except (OSError, ValueError):
            continue
    return 1


def restart_when_unhealthy() -> str:
    """Stops the main process if this is enabled and the container has been unhealthy for long enough. Returns an addition to the
    reported line."""
    after = setting("HEALTH_RESTART_AFTER_S")
    if not after or seconds_since(UNHEALTHY) < float(after):
        return ""
    # After SIGTERM, a worker completes its running job. A process that is still running after the same time again is stuck.
    signum = signal.SIGKILL if seconds_since(TERMINATED) > float(after) else signal.SIGTERM
    os.kill(main_process(), signum)
    return f"; sent {signum.name} to restart it"


def check(role: str) -> tuple[bool, str]:
    """Whether the container is healthy, and the line to report."""
    try:
        CHECKS[role]()
    except RedisUnavailable as error:
        clear(UNHEALTHY, TERMINATED, SUCCEEDS)  # a restart would not make Redis available, and would lose the running jobs
        limit = float(setting("HEALTH_REDIS_TOLERANCE_S"))
        if not (STATE / WAS_HEALTHY).exists():
            return False, f"unhealthy: {error}"
        elapsed = seconds_since(REDIS_UNAVAILABLE)
        line = f"{error} for {elapsed:.0f} s (limit: {limit:.0f} s)"
        return (True, f"healthy for now: {line}") if elapsed <= limit else (False, f"unhealthy: {line}")
    except ModelsMissing as error:
        clear(UNHEALTHY, TERMINATED, SUCCEEDS)
        return False, f"unhealthy: {error}"
    except Unhealthy as error:
        clear(SUCCEEDS)
        return False, f"unhealthy: {error}{restart_when_unhealthy()}"
    clear(UNHEALTHY, TERMINATED, REDIS_UNAVAILABLE)
    # A rolling deployment stops the old tasks when the new ones are healthy. Until then, a failure costs no capacity.
    minimum = float(setting("HEALTH_MINIMUM_S"))
    if not (STATE / WAS_HEALTHY).exists() and (elapsed := seconds_since(SUCCEEDS)) < minimum:
        return False, f"starting: the checks have succeeded for {elapsed:.0f} s (minimum: {minimum:.0f} s)"
    (STATE / WAS_HEALTHY).touch()
    return True, f"healthy: {role}"


def log(line: str) -> None:
    """Writes the line to the log of the container, if it differs from the last one by more than the elapsed time."""
    logged = STATE / LOGGED
    state = ELAPSED.sub("", line)
    try:
        if logged.exists() and logged.read_text() == state:
            return
        # Non-blocking: a full pipe must not make the container unhealthy.
        output = os.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            text = LOG_PREFIX + " ".join(line.split())
            os.write(output, text.encode()[: MAXIMUM_WRITE - 1] + b"\n")
        finally:
            os.close(output)
        logged.write_text(state)
    except OSError:
        pass  # the log does not decide whether the container is healthy


if __name__ == "__main__":
    role_file = STATE / "role"
    if not role_file.exists():
        sys.exit("unhealthy: no role has been started")
    healthy, line = check(role_file.read_text())
    print(line)
    log(line)
    sys.exit(0 if healthy else 1)
