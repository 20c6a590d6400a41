"""Keeps ECS from stopping this task by scale-in or by a deployment while a job runs.

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

from complaints import Complaints
from settings import setting

LIMIT_S = 2  # that a job waits for the agent at most
RETRY_S = 10  # until the agent is asked again after a failure
LOOK_S = 1  # between two looks at whether a job still runs


def told(text: str) -> bool | None:
    """The state of the protection in an agent's answer; None if there is none: it tells a failure in its place."""
    try:
        return json.loads(text)["protection"]["ProtectionEnabled"]
    except (ValueError, LookupError, TypeError):
        return None


class Agent:
    """The ECS agent of this task."""

    def __init__(self) -> None:
        self._url = f"{setting('ECS_AGENT_URI')}/task-protection/v1/state"
        self._minutes = int(setting("PROTECTION_EXPIRES_MIN"))
        self._complaints = Complaints("protection")
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open  # it is on this host

    def protect(self, on: bool) -> bool:
        """Whether the agent has set or cleared the protection; never raises."""
        body = {"ProtectionEnabled": on, **({"ExpiresInMinutes": self._minutes} if on else {})}
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self._url, json.dumps(body).encode(), headers, method="PUT")
        try:
            try:
                response = self._open(request, timeout=LIMIT_S)
            except urllib.error.HTTPError as error:
                response = error  # its body says why
            with response:
                text = response.read(4096).decode()
            # What ECS refuses, as in a deployment that can't end, comes with code 200.
            if response.status == 200 and told(text) is on:
                return True
            why = f"the agent answers {response.status} {text[:200]!r}"
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
        self._complaints.say(f"scale-in protection not {'set' if on else 'cleared'}: {why}")
        return False


class Protection:
    """Asks for protection before a job starts, renews it while one runs, and clears it when none does."""

    def __init__(self, running: Callable[[], bool]) -> None:
        self._running = running
        self._agent = Agent()
        self._renew = float(setting("PROTECTION_RENEW_S"))
        self._expiry = 60 * int(setting("PROTECTION_EXPIRES_MIN"))
        self._lock = threading.Lock()
        self._starting = 0
        self._asked = threading.Event()  # the agent was asked for what runs now, with or without success
        self._wake = threading.Event()
        threading.Thread(target=self._keep, name="scale-in protection", daemon=True).start()

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Around the start of a job, after which `running` knows of it."""
        with self._lock:
            self._starting += 1
        self._wake.set()
        self._asked.wait(LIMIT_S)
        try:
            yield
        finally:
            with self._lock:
                self._starting -= 1

    def _busy(self) -> bool:
        with self._lock:
            busy = self._starting > 0 or self._running()
            if not busy:
                self._asked.clear()
            return busy

    def _keep(self) -> None:
        asked = unsure = False  # unsure: a protection may be there that could not be cleared
        due = expires = 0.0
        while True:
            busy, now = self._busy(), time.monotonic()
            if busy != asked or (now >= due and (busy or unsure)):
                done, asked = self._agent.protect(busy), busy
                due = now + (self._renew if done else min(self._renew, RETRY_S))
                expires = now + self._expiry if busy else expires
                unsure = not busy and not done and now < expires
            if busy:
                self._asked.set()
            self._wake.wait(LOOK_S if busy or unsure else None)
            self._wake.clear()


class ProtectingPool(TaskPool):
    """Celery's usual pool. All that runs passes through it, in the main process: also retries, whose time comes later."""

    def on_start(self):
        super().on_start()
        self._protection = Protection(self._runs)

    def apply_async(self, *args, **kwargs):
        with self._protection.starting():
            return super().apply_async(*args, **kwargs)

    def _runs(self) -> bool:
        # The pool's own list of jobs, which one leaves however it ends, also when its process is killed
        pool = self._pool
        return pool is not None and any(not job.ready() for job in tuple(pool._cache.values()))
