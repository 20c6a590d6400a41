"""Records accepted jobs until they end, and queues a job again if the queue loses it.

The Redis transport of kombu removes a job from its queue and records it as unacknowledged in a second step. If Redis or the worker
stops between the two steps, the job is lost (https://github.com/celery/kombu/issues/305).
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
    """Ids of the jobs that a queue or a worker holds."""
    waiting = [json.loads(text) for queue in QUEUES for text in connection().lrange(queue, 0, -1)]
    taken = [json.loads(text)[0] for text in connection().hvals("unacked")]
    return {message["headers"]["id"] for message in waiting + taken}


@celery_app.task(name="spatialforge.workers.jobs.requeue_lost_jobs")
def requeue_lost_jobs() -> list[str]:
    """This may queue a job twice. The job then runs twice and writes the same object again."""
    lost, known, limit = [], queued(), time.time() - get_settings().visibility_timeout_s
    for job, record in connection().hgetall(ACCEPTED).items():
        if json.loads(record)["at"] > limit:
            continue
        if celery_app.AsyncResult(job).ready():
            connection().hdel(ACCEPTED, job)
        elif job not in known:
            reconstruct_task.apply_async((job, *json.loads(record)["args"]), task_id=job)
            lost.append(job)
    return lost
