"""Says in one line whether this container does its work; exit code 0 if it does. Imports neither torch nor the application."""

import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import nvml
from settings import CELERY_APP, STATE, setting

ANSWER_S = 4  # per question; three of them fit Docker's timeout of a check


class Sick(Exception):
    """The reason, in one line."""


class RedisSick(Sick):
    """Redis is the reason: tolerated for a while."""


def redis_client():
    import redis

    return redis.Redis.from_url(setting("REDIS_URL"), socket_timeout=2, socket_connect_timeout=2)


def check_redis() -> None:
    import redis

    try:
        redis_client().ping()
    except redis.RedisError as error:
        at = urlsplit(setting("REDIS_URL"))
        raise RedisSick(f"redis does not answer at {at.hostname}:{at.port or 6379} ({type(error).__name__})") from None


def check_gpu() -> None:
    if setting("GPU_REQUIRED") != "1":
        return
    try:
        if nvml.driver().gpus == 0:
            raise Sick("no GPU is left in this container")
    except nvml.NoDriver as error:
        raise Sick(str(error)) from None


def get(path: str, key: str | None = None) -> int:
    request = urllib.request.Request(f"http://127.0.0.1:{setting('PORT')}{path}", headers={"X-API-Key": key} if key else {})
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_S) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError as error:
        raise Sick(f"{path} does not answer ({getattr(error, 'reason', error)})") from None


def check_api() -> None:
    if (code := get("/health")) != 200:
        raise Sick(f"/health answers {code}")
    check_gpu()
    check_redis()
    # An unknown key makes the application read Redis; without one it answers before that.
    route = setting("HEALTH_AUTH_ROUTE")
    if (code := get(route, "health-check-unknown-key")) != 401:
        raise Sick(f"{route} answers {code} to an unknown key instead of 401: authentication is down")


def check_worker() -> None:
    check_gpu()
    check_redis()
    from celery import Celery

    node = f"celery@{socket.gethostname()}"
    app = Celery(broker=setting("REDIS_URL"), set_as_current=False)
    app.conf.broker_transport_options = {"socket_timeout": 3, "socket_connect_timeout": 3}
    answer = app.control.inspect(destination=[node], timeout=ANSWER_S).active()
    if not answer:
        raise Sick(f"the worker {node} does not answer")
    limit = float(setting("HEALTH_JOB_LIMIT_S"))
    for job in answer.get(node, []):
        age = time.time() - (job.get("time_start") or time.time())
        if age > limit:
            raise Sick(f"job {job['id']} has run for {age:.0f} s, limit {limit:.0f} s")


def check_beat() -> None:
    tick, limit = STATE / "tick", float(setting("HEALTH_BEAT_TICK_S"))
    if not tick.exists():
        raise Sick("beat has not ticked yet")
    if (age := time.time() - tick.stat().st_mtime) > limit:
        raise Sick(f"beat has not ticked for {age:.0f} s, limit {limit:.0f} s")
    check_redis()


CHECKS = {"api": check_api, "worker": check_worker, "beat": check_beat}


def seconds_since_first(mark: str) -> float:
    """Since this was first said; `clear` forgets it."""
    path = STATE / mark
    if not path.exists():
        path.touch()
    return time.time() - path.stat().st_mtime


def clear(*marks: str) -> None:
    for mark in marks:
        (STATE / mark).unlink(missing_ok=True)


def main_process() -> int:
    """The application: the child of the init, which is process 1."""
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            with open(f"/proc/{entry}/stat") as stat, open(f"/proc/{entry}/cmdline") as command:
                parent = int(stat.read().rpartition(")")[2].split()[1])
                if parent == 1 and ("spatialforge" in (text := command.read()) or CELERY_APP in text):
                    return int(entry)
        except (OSError, ValueError):
            continue
    return 1


def heal() -> str:
    """Ends the main process when that is asked for and it has been sick long enough; what it did, for the line."""
    after = setting("HEALTH_RESTART_AFTER_S")
    if not after or seconds_since_first("sick") < float(after):
        return ""
    # A process that runs a job waits for it after SIGTERM; what does not end in the same time again is stuck.
    signum = signal.SIGKILL if seconds_since_first("terminated") > float(after) else signal.SIGTERM
    os.kill(main_process(), signum)
    return f"; sent {signum.name} to start it anew"


def verdict(role: str) -> tuple[bool, str]:
    try:
        CHECKS[role]()
    except RedisSick as error:
        clear("sick", "terminated")  # a restart would not bring Redis back, and would cost the jobs that run
        limit = float(setting("HEALTH_REDIS_TOLERANCE_S"))
        if not (STATE / "well").exists():
            return False, f"unhealthy: {error}"
        gone = seconds_since_first("redis")
        if gone <= limit:
            return True, f"healthy for now: {error} for {gone:.0f} s, limit {limit:.0f} s"
        return False, f"unhealthy: {error} for {gone:.0f} s, limit {limit:.0f} s"
    except Sick as error:
        return False, f"unhealthy: {error}{heal()}"
    clear("sick", "terminated", "redis")
    (STATE / "well").touch()
    return True, f"healthy: {role}"


if __name__ == "__main__":
    role_file = STATE / "role"
    if not role_file.exists():
        sys.exit("unhealthy: no role was started")
    well, line = verdict(role_file.read_text())
    print(line)
    sys.exit(0 if well else 1)
