"""The Celery application and its queues."""

from datetime import timedelta

from celery import Celery
from celery.schedules import crontab

from ..config import get_settings

QUEUES = ("default", "gpu_heavy")

settings = get_settings()
celery_app = Celery("spatialforge", broker=settings.redis_url, backend=settings.redis_url)
celery_app.conf.update(
    task_acks_late=True,
    # If a pool process dies, its job returns to the queue immediately.
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    task_track_started=True,
    task_default_queue="default",
    task_routes={"spatialforge.workers.tasks.reconstruct_task": {"queue": "gpu_heavy"}},
    broker_transport_options={
        "visibility_timeout": settings.visibility_timeout_s,
        # Restore such jobs every 10 s. By default, kombu does so only every tenth time, which is up to 100 s later.
        "unacked_restore_throttle": 1,
    },
    broker_connection_retry_on_startup=True,
    result_expires=3600 * settings.result_ttl_hours,
    beat_schedule={
        "cleanup-expired-results": {
            "task": "spatialforge.workers.tasks.cleanup_expired_results",
            "schedule": crontab(minute=0, hour="*/6"),
        },
        "requeue-lost-jobs": {
            "task": "spatialforge.workers.jobs.requeue_lost_jobs",
            "schedule": timedelta(seconds=settings.visibility_timeout_s),
            "options": {"expires": settings.visibility_timeout_s},
        },
    },
)
celery_app.set_default()
celery_app.autodiscover_tasks(["spatialforge.workers"])
celery_app.autodiscover_tasks(["spatialforge.workers"], related_name="jobs")
