"""The jobs. A job may run twice after a failure. It then writes the same object again."""

import time
from datetime import timedelta

from ..config import get_settings
from ..inference import depth, point_cloud, read_image
from ..storage import ObjectStore
from .celery_app import celery_app


def result_name(job: str) -> str:
    return f"results/{job}.ply"


@celery_app.task(
    name="spatialforge.workers.tasks.reconstruct_task",
    autoretry_for=(Exception,),
    dont_autoretry_for=(ValueError,),  # the upload is not an image
    retry_backoff=True,
    max_retries=3,
)
def reconstruct_task(job: str, work_seconds: float) -> dict[str, object]:
    store = ObjectStore()
    gray = read_image(store.get(f"uploads/{job}"), get_settings().max_image_size)
    time.sleep(work_seconds)
    cloud = point_cloud(depth(gray))
    store.put(result_name(job), cloud, "application/octet-stream")
    return {"object": result_name(job), "bytes": len(cloud), "url": store.url(result_name(job))}


@celery_app.task(name="spatialforge.workers.tasks.cleanup_expired_results")
def cleanup_expired_results() -> int:
    return ObjectStore().remove_older_than(timedelta(hours=get_settings().result_ttl_hours))
