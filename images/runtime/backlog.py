"""Counts the jobs of each worker role in Redis."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kombu.transport.redis import Channel
from redis import Redis


@dataclass
class Jobs:
    """The jobs of a role."""

    # In the queues. A job whose ETA is in the future counts too: only a worker can take it from the queue and wait for its ETA.
    queued: int = 0
    # Taken by a worker that waits for their ETA. They need a worker, but not one each.
    delayed: int = 0
    # Taken by a worker, and due. A worker takes one such job at a time and acknowledges it at its end, so each has a worker of its own.
    running: int = 0
    # Seconds for which the next job has waited.
    age: float = 0.0

    @property
    def total(self) -> int:
        return self.queued + self.delayed + self.running


class BrokerKeys:
    """Redis keys of kombu, which depend on Celery's setting `broker_transport_options`."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        prefix, self._sep, self._steps, unacked = (
            options.get(name, getattr(Channel, name)) for name in ("global_keyprefix", "sep", "priority_steps", "unacked_key")
        )
        self._prefix = prefix
        # Hash of the messages that workers have received and not acknowledged.
        self.unacked = prefix + unacked

    def lists(self, queue: str) -> list[str]:
        """The lists of a queue: one for each priority step. The list of step 0 has the name of the queue."""
        return [f"{self._prefix}{queue}{self._sep}{step}" if step else f"{self._prefix}{queue}" for step in self._steps]


def taken_job(value: bytes) -> tuple[str | None, bool]:
    """Routing key of a value of the hash, and whether its job is due. The value is the JSON list [message, exchange, routing key].
    An invalid value has no routing key, and counts as due."""
    try:
        message, _, key = json.loads(value)
        eta = message["headers"].get("eta")
    except (ValueError, LookupError, TypeError, AttributeError):
        return None, True
    return key, not eta or is_past(eta)


def is_past(eta: str) -> bool:
    """Whether an ETA of Celery, an ISO 8601 time, is in the past. Without a time zone, it is in UTC."""
    try:
        at = datetime.fromisoformat(eta)
    except (ValueError, TypeError):
        return True
    return (at if at.tzinfo else at.replace(tzinfo=UTC)) <= datetime.now(UTC)


class Backlog:
    """Reads the backlog from Redis. Messages have no time of arrival, so this remembers when each list's next message was first seen."""

    def __init__(self, redis: Redis, queues: Mapping[str, Sequence[str]], keys: BrokerKeys) -> None:
        """`queues`: the queues of each role."""
        self._redis, self._queues, self._keys = redis, queues, keys
        self._first_seen: dict[str, tuple[bytes, float]] = {}

    def measure(self) -> dict[str, Jobs]:
        """The jobs of each role. Raises redis.RedisError."""
        lists = {role: [key for queue in queues for key in self._keys.lists(queue)] for role, queues in self._queues.items()}
        names = sorted({name for several in lists.values() for name in several})
        with self._redis.pipeline() as pipe:
            for name in names:
                # kombu adds messages at the head (LPUSH) and removes them from the tail (BRPOP).
                pipe.llen(name).lindex(name, -1)
            *answers, unacked = pipe.hvals(self._keys.unacked).execute()
        lengths = dict(zip(names, answers[::2]))
        ages = self._ages(dict(zip(names, answers[1::2])))
        jobs = {
            role: Jobs(queued=sum(lengths[name] for name in several), age=max((ages[name] for name in several), default=0.0))
            for role, several in lists.items()
        }
        self._add_taken(jobs, unacked)
        return jobs

    def _add_taken(self, jobs: dict[str, Jobs], unacked: list[bytes]) -> None:
        """Celery routes a job by the name of its queue. The first role counts the jobs that match no role: if nobody counted a
        running job, its worker might be removed."""
        for key, due in map(taken_job, unacked):
            roles = [role for role, queues in self._queues.items() if key in queues]
            for role in roles or list(self._queues)[:1]:
                if due:
                    jobs[role].running += 1
                else:
                    jobs[role].delayed += 1

    def _ages(self, next_messages: dict[str, bytes | None]) -> dict[str, float]:
        """Seconds since the next message of each list was first seen as the next one. 0 for an empty list."""
        now, previous = time.monotonic(), self._first_seen
        self._first_seen = {}
        for name, message in next_messages.items():
            if message is not None:
                seen, since = previous.get(name, (None, now))
                self._first_seen[name] = (message, since if seen == message else now)
        return {name: now - self._first_seen[name][1] if name in self._first_seen else 0.0 for name in next_messages}
