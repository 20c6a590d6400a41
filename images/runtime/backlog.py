"""How many jobs wait or run, and for how long the next one waits: what the worker is scaled by.

Published in CloudWatch's embedded metric format, from which CloudWatch Logs makes metrics without a permission or a call:
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

from complaints import Complaints
from settings import QUEUES, setting

UNITS = {"Backlog": "Count", "BacklogAge": "Seconds"}
# kombu's hash of the messages that a worker holds and has not acknowledged. They count, or a worker would be taken
# away in the middle of the last job.
UNACKED = "unacked"
ANSWER_S = 2


class Backlog:
    """What Redis says about the queues, with the memory that an age needs: a message does not say when it was queued."""

    def __init__(self) -> None:
        # One more try, because a connection that was kept may have been closed since.
        again = Retry(NoBackoff(), 1)
        self._redis = Redis.from_url(
            setting("REDIS_URL"), socket_timeout=ANSWER_S, socket_connect_timeout=ANSWER_S, retry=again
        )
        self._next: dict[str, tuple[bytes, float]] = {}

    def measure(self) -> dict[str, float]:
        """Values of the metrics. Raises redis.RedisError."""
        with self._redis.pipeline() as pipe:
            for queue in QUEUES:
                # kombu puts messages in at the head (LPUSH) and takes them from the tail (BRPOP).
                pipe.llen(queue).lindex(queue, -1)
            *of_queues, running = pipe.hlen(UNACKED).execute()
        lengths, tails = of_queues[::2], of_queues[1::2]
        return {"Backlog": sum(lengths) + running, "BacklogAge": round(self._age(dict(zip(QUEUES, tails))), 1)}

    def _age(self, tails: dict[str, bytes | None]) -> float:
        """Seconds since the message that has been next in line for longest was first seen there; 0 if there is none."""
        now = time.monotonic()
        before, self._next = self._next, {}
        for queue, tail in tails.items():
            if tail is not None:
                seen, since = before.get(queue, (None, now))
                self._next[queue] = (tail, since if seen == tail else now)
        return max((now - since for _, since in self._next.values()), default=0.0)


def embedded(values: dict[str, float]) -> str:
    """The line from which CloudWatch makes the metrics."""
    metrics = [{"Name": name, "Unit": unit} for name, unit in UNITS.items()]
    directive = {"Namespace": setting("BACKLOG_NAMESPACE"), "Dimensions": [["Stack"]], "Metrics": metrics}
    head = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
    return json.dumps({"_aws": head, "Stack": setting("BACKLOG_STACK"), **values})


class Publisher:
    """Publishes the backlog for a scheduler that must not wait: looking up a host, for one, knows no timeout."""

    def __init__(self) -> None:
        self._backlog = Backlog()
        self._complaints = Complaints("backlog")
        self._every, self._due = float(setting("BACKLOG_EVERY_S")), 0.0
        self._thread: threading.Thread | None = None

    def tick(self) -> float:
        """Begins to publish if that is due; seconds until it is due again."""
        now = time.monotonic()
        if now >= self._due:
            self._due = now + self._every
            if not (self._thread and self._thread.is_alive()):
                self._thread = threading.Thread(target=self._publish, name="backlog", daemon=True)
                self._thread.start()
        return self._due - now

    def _publish(self) -> None:
        try:
            # Celery makes log lines of what is printed; these stay as they are.
            print(embedded(self._backlog.measure()), file=sys.__stdout__, flush=True)
        except Exception as error:
            at = urlsplit(setting("REDIS_URL"))  # the message of an error may hold the whole URL
            self._complaints.say(f"backlog not published: redis at {at.hostname} ({type(error).__name__})")
