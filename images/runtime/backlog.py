"""Publishes the backlog of each worker role: the number of waiting and running jobs, and how long the next job has waited.

Workers are scaled by these metrics. They are published in CloudWatch's embedded metric format. CloudWatch Logs extracts metrics
from it, so the task needs no permission and makes no API call:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import sys
import threading
import time
from urllib.parse import urlsplit

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from log_limit import RateLimitedLog
from settings import setting

UNITS = {"Backlog": "Count", "BacklogAge": "Seconds"}
# kombu's hash of the messages that workers have received and not acknowledged. They count as backlog. Otherwise a worker would be
# removed while it runs the last job.
UNACKED = "unacked"
REDIS_TIMEOUT_S = 2


def routing_key(message: bytes) -> str | None:
    """Routing key of a value of the hash, which is the JSON list [message, exchange, routing key]. None if the value is invalid."""
    try:
        return json.loads(message)[2]
    except (ValueError, LookupError, TypeError):
        return None


class Backlog:
    """Reads the backlog from Redis. Messages have no time of arrival, so this remembers when each queue's next message was first seen."""

    def __init__(self, queues: dict[str, list[str]]) -> None:
        """`queues`: the queues of each role."""
        self._queues = queues
        # One retry, because the server may have closed an idle connection.
        retry = Retry(NoBackoff(), 1)
        self._redis = Redis.from_url(
            setting("REDIS_URL"), socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S, retry=retry
        )
        self._first_seen: dict[str, tuple[bytes, float]] = {}

    def measure(self) -> dict[str, dict[str, float]]:
        """Values of the metrics by role. Raises redis.RedisError."""
        names = sorted({queue for queues in self._queues.values() for queue in queues})
        with self._redis.pipeline() as pipe:
            for name in names:
                # kombu adds messages at the head (LPUSH) and removes them from the tail (BRPOP).
                pipe.llen(name).lindex(name, -1)
            *answers, unacked = pipe.hvals(UNACKED).execute()
        waiting = dict(zip(names, answers[::2]))
        ages = self._ages(dict(zip(names, answers[1::2])))
        running = self._running(unacked)
        return {
            role: {
                "Backlog": sum(waiting[queue] for queue in queues) + running[role],
                "BacklogAge": round(max((ages[queue] for queue in queues), default=0.0), 1),
            }
            for role, queues in self._queues.items()
        }

    def _running(self, unacked: list[bytes]) -> dict[str, int]:
        """Running jobs by role. Celery routes a job by the name of its queue. The first role counts the jobs that match no role:
        if nobody counted a running job, its worker might be removed."""
        count = dict.fromkeys(self._queues, 0)
        for key in map(routing_key, unacked):
            roles = [role for role, queues in self._queues.items() if key in queues]
            for role in roles or list(self._queues)[:1]:
                count[role] += 1
        return count

    def _ages(self, next_messages: dict[str, bytes | None]) -> dict[str, float]:
        """Seconds since the next message of each queue was first seen as the next one. 0 for an empty queue."""
        now, previous = time.monotonic(), self._first_seen
        self._first_seen = {}
        for queue, message in next_messages.items():
            if message is not None:
                seen, since = previous.get(queue, (None, now))
                self._first_seen[queue] = (message, since if seen == message else now)
        return {queue: now - self._first_seen[queue][1] if queue in self._first_seen else 0.0 for queue in next_messages}


def embedded_metrics(role: str, values: dict[str, float]) -> str:
    """The log line from which CloudWatch extracts the metrics of a role."""
    metrics = [{"Name": name, "Unit": unit} for name, unit in UNITS.items()]
    directive = {"Namespace": setting("BACKLOG_NAMESPACE"), "Dimensions": [["Stack", "Role"]], "Metrics": metrics}
    metadata = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
    return json.dumps({"_aws": metadata, "Stack": setting("BACKLOG_STACK"), "Role": role, **values})


class Publisher:
    """Publishes the backlog in a thread, because the scheduler must not wait: a DNS lookup, for example, has no timeout."""

    def __init__(self) -> None:
        self._backlog = Backlog(json.loads(setting("BACKLOG_QUEUES")))
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
            lines = [embedded_metrics(role, values) for role, values in self._backlog.measure().items()]
            # Not sys.stdout: Celery replaces it and would add a log prefix.
            print("\n".join(lines), file=sys.__stdout__, flush=True)
        except Exception as error:
            host = urlsplit(setting("REDIS_URL")).hostname  # not the message of the error, which may contain the password
            self._log.warning(f"backlog not published: Redis at {host}: {type(error).__name__}")
