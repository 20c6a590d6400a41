"""Accepted jobs, noted until they have ended, so that a job which the queue loses is queued again.

The Redis transport of kombu takes a job off its queue and notes it as unacknowledged in a second step. If Redis or the worker
ends between the two, the job is nowhere (https://github.com/celery/kombu/issues/305).
"""

import json
import time
from functools import lru_cache
from typing import Any

import redis

from ..config import get_settings
from .celery_app import QUEUES, celery_app
from .tasks import reconstruct_task

ACCEPTED = "jobs:accepted"


@lru_cache
def connection() -> "redis.Redis":
    return redis.Redis.from_url(get_settings().redis_url, decode_responses=True)


def accept(job: str, *args: Any) -> None:
    connection().hset(ACCEPTED, job, json.dumps({"at": time.time(), "args": args}))
    reconstruct_task.apply_async((job, *args), task_id=job)


def queued() -> set[str]:
    """Ids of the jobs that wait in a queue or are with a worker."""
    waiting = [json.loads(text) for queue in QUEUES for text in connection().lrange(queue, 0, -1)]
    taken = [json.loads(text)[0] for text in connection().hvals("unacked")]
    return {message["headers"]["id"] for message in waiting + taken}


@celery_app.task(name="spatialforge.workers.jobs.requeue_lost_jobs")
def requeue_lost_jobs() -> list[str]:
    """A job may be queued twice by this and so run twice, which does no harm: it writes the same object again."""
    lost, known, limit = [], queued(), time.time() - get_settings().visibility_timeout_s
    for job, note in connection().hgetall(ACCEPTED).items():
        if json.loads(note)["at"] > limit:
            continue
        if celery_app.AsyncResult(job).ready():
            connection().hdel(ACCEPTED, job)
        elif job not in known:
            reconstruct_task.apply_async((job, *json.loads(note)["args"]), task_id=job)
            lost.append(job)
    return lost
