"""The number of tasks that each worker role needs."""

import json
import math
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import dropwhile

from redis import Redis, RedisError

from backlog import Jobs

# Redis key of the numbers of the last scale-in delay. The next beat continues with them, so that its start removes no worker early.
KEY = "spatialforge:wanted-tasks"


@dataclass(frozen=True)
class Limits:
    min_tasks: int
    max_tasks: int
    # Waiting and running jobs for each task.
    backlog_per_task: int

    def wanted(self, jobs: Jobs) -> int:
        """Never less than the running jobs, each of which has a worker of its own. It does not depend on the number of running workers:
        it is the same while a host starts."""
        needed = max(jobs.running, math.ceil(jobs.total / self.backlog_per_task))
        return min(max(needed, self.min_tasks), self.max_tasks)


class WantedTasks:
    """The highest number that was needed within the scale-in delay: it rises at once, and falls after the delay."""

    def __init__(self, redis: Redis, limits: Mapping[str, Limits], delay: float) -> None:
        """`limits`: of each role. `delay`: seconds."""
        self._redis, self._limits, self._delay = redis, limits, delay
        self._recent: dict[str, list[tuple[float, int]]] | None = None  # times and numbers by role; None: not loaded yet

    def update(self, jobs: Mapping[str, Jobs]) -> dict[str, int]:
        """The number of each role. Raises redis.RedisError if it cannot load the numbers of the previous beat."""
        if self._recent is None:
            self._recent = self._load()
        now = time.time()
        found = {}
        for role, limits in self._limits.items():
            kept = dropwhile(lambda entry: entry[0] < now - self._delay, self._recent.get(role, []))
            self._recent[role] = [*kept, (now, limits.wanted(jobs[role]))]
            highest = max(number for _, number in self._recent[role])
            found[role] = min(highest, limits.max_tasks)  # which may be lower than it was for the previous beat
        # A full Redis rejects writes. The workers that empty it must still be counted.
        with suppress(RedisError):
            self._redis.set(KEY, json.dumps(self._recent), ex=math.ceil(self._delay) or 1)
        return found

    def _load(self) -> dict[str, list[tuple[float, int]]]:
        saved = json.loads(self._redis.get(KEY) or "{}")
        return {role: [(at, number) for at, number in entries] for role, entries in saved.items()}
