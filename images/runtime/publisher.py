"""Publishes the backlog of each worker role, and the number of tasks that it needs. Workers are scaled by this number."""

import json
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from backlog import Backlog, BrokerKeys
from embedded_metrics import embedded_metrics
from log_limit import RateLimitedLog
from settings import setting
from wanted_tasks import Limits, WantedTasks

UNITS = {"Backlog": "Count", "BacklogAge": "Seconds", "WantedTasks": "Count"}
REDIS_TIMEOUT_S = 2


class Publisher:
    """Publishes the metrics in a thread, because the scheduler must not wait: a DNS lookup, for example, has no timeout."""

    def __init__(self, transport_options: Mapping[str, Any]) -> None:
        """`transport_options`: Celery's setting `broker_transport_options`."""
        roles = json.loads(setting("BACKLOG_ROLES"))
        # One retry, because the server may have closed an idle connection.
        retry = Retry(NoBackoff(), 1)
        redis = Redis.from_url(
            setting("REDIS_URL"), socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S, retry=retry
        )
        self._backlog = Backlog(redis, {role: one["queues"] for role, one in roles.items()}, BrokerKeys(transport_options))
        limits = {role: Limits(one["minTasks"], one["maxTasks"], one["backlogPerTask"]) for role, one in roles.items()}
        self._wanted = WantedTasks(redis, limits, float(setting("SCALE_IN_DELAY_S")))
        self._log = RateLimitedLog("backlog")
        self._interval, self._due = float(setting("BACKLOG_EVERY_S")), 0.0
        self._thread: threading.Thread | None = None

    def tick(self) -> float:
        """Starts a publication if one is due. Returns the seconds until the next one."""
        now = time.monotonic()
        if now >= self._due:
            self._due = now + self._interval
            if not (self._thread and self._thread.is_alive()):
                self._thread = threading.Thread(target=self._publish, name="backlog", daemon=True)
                self._thread.start()
        return self._due - now

    def _publish(self) -> None:
        try:
            jobs = self._backlog.measure()
            wanted = self._wanted.update(jobs)
            lines = [
                embedded_metrics(role, {"Backlog": one.total, "BacklogAge": round(one.age, 1), "WantedTasks": wanted[role]}, UNITS)
                for role, one in jobs.items()
            ]
            # Not sys.stdout: Celery replaces it and would add a log prefix.
            print("\n".join(lines), file=sys.__stdout__, flush=True)
        except Exception as error:
            host = urlsplit(setting("REDIS_URL")).hostname  # not the message of the error, which may contain the password
            self._log.warning(f"backlog not published: Redis at {host}: {type(error).__name__}")
