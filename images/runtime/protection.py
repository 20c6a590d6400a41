"""Prevents ECS from stopping this task by scale-in or by a deployment while a job runs.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection-endpoint.html
"""

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from celery.concurrency.prefork import TaskPool

from log_limit import RateLimitedLog
from settings import setting

TIMEOUT_S = 2  # maximum time that a job waits for the agent
RETRY_S = 10  # time before the next request after a failed one
POLL_S = 1  # interval at which the end of a job is checked for


def protection_enabled(answer: str) -> bool | None:
    """State of the protection in an answer of the agent. None if the answer reports a failure instead."""
    try:
        return json.loads(answer)["protection"]["ProtectionEnabled"]
    except (ValueError, LookupError, TypeError):
        return None


class Agent:
    """The ECS agent of this task."""

    def __init__(self) -> None:
        self._url = f"{setting('ECS_AGENT_URI')}/task-protection/v1/state"
        self._minutes = int(setting("PROTECTION_EXPIRES_MIN"))
        self._log = RateLimitedLog("protection")
        # Without a proxy: the agent runs on the same machine.
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open

    def protect(self, enabled: bool) -> bool:
        """Sets or clears the protection. Returns whether it succeeded. Never raises."""
        body = {"ProtectionEnabled": enabled, **({"ExpiresInMinutes": self._minutes} if enabled else {})}
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self._url, json.dumps(body).encode(), headers, method="PUT")
        try:
            try:
                response = self._open(request, timeout=TIMEOUT_S)
            except urllib.error.HTTPError as error:
                response = error  # its body contains the reason
            with response:
                text = response.read(4096).decode()
            # Refusals by ECS, for example because a deployment is blocked, have status 200.
            if response.status == 200 and protection_enabled(text) is enabled:
                return True
            reason = f"the ECS agent returned {response.status} {text[:200]!r}"
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
        self._log.warning(f"scale-in protection not {'set' if enabled else 'cleared'}: {reason}")
        return False


class Protection:
    """Sets the protection before a job starts, renews it while a job runs, and clears it when no job runs."""

    def __init__(self, running: Callable[[], bool]) -> None:
        self._running = running
        self._agent = Agent()
        self._renewal = float(setting("PROTECTION_RENEW_S"))
        self._expiration = 60 * int(setting("PROTECTION_EXPIRES_MIN"))
        self._lock = threading.Lock()
        self._starting = 0
        self._requested = threading.Event()  # the agent has answered or failed to answer for the current jobs
        self._wake = threading.Event()
        threading.Thread(target=self._maintain, name="scale-in protection", daemon=True).start()

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Encloses the start of a job. After it, `running` includes the job."""
        with self._lock:
            self._starting += 1
        self._wake.set()
        self._requested.wait(TIMEOUT_S)
        try:
            yield
        finally:
            with self._lock:
                self._starting -= 1

    def _busy(self) -> bool:
        with self._lock:
            busy = self._starting > 0 or self._running()
            if not busy:
                self._requested.clear()
            return busy

    def _maintain(self) -> None:
        requested = uncertain = False  # uncertain: a request to clear failed, so the protection may still be set
        due = expires = 0.0
        while True:
            busy, now = self._busy(), time.monotonic()
            if busy != requested or (now >= due and (busy or uncertain)):
                done, requested = self._agent.protect(busy), busy
                due = now + (self._renewal if done else min(self._renewal, RETRY_S))
                expires = now + self._expiration if busy else expires
                uncertain = not busy and not done and now < expires
            if busy:
                self._requested.set()
            self._wake.wait(POLL_S if busy or uncertain else None)
            self._wake.clear()


class ProtectedPool(TaskPool):
    """Celery's default pool with protection. All jobs pass through it in the main process, including retries that are due later."""

    def on_start(self):
        super().on_start()
        self._protection = Protection(self._runs)

    def apply_async(self, *args, **kwargs):
        with self._protection.starting():
            return super().apply_async(*args, **kwargs)

    def _runs(self) -> bool:
        # The pool's own list of jobs. A job leaves it however it ends, also when its process is killed.
        pool = self._pool
        return pool is not None and any(not job.ready() for job in tuple(pool._cache.values()))
