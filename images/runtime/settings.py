"""Settings of the scripts in this folder, all from the environment, with their defaults."""

import os
from pathlib import Path

CELERY_APP = "spatialforge.workers.celery_app"
# Small files by which entrypoint, scheduler and health check know of each other
STATE = Path(os.environ.get("SPATIALFORGE_STATE", "/tmp/spatialforge"))

DEFAULTS = {
    # port of the API
    "PORT": "8000",
    # seconds; longer than a load balancer's idle timeout (ALB: 60), or it answers 502 now and then
    "UVICORN_KEEP_ALIVE_S": "75",
    # seconds that requests in flight have after SIGTERM; with what else ends then it stays below 5
    "UVICORN_GRACE_S": "3",
    # 1: api and worker need a GPU
    "GPU_REQUIRED": "0",
    "REDIS_URL": "redis://localhost:6379/0",
    # an authenticated route that reads Redis for an unknown key and is not rate-limited
    "HEALTH_AUTH_ROUTE": "/v1/billing/usage",
    # seconds of Redis trouble before it counts as failure: longer than a failover
    "HEALTH_REDIS_TOLERANCE_S": "180",
    # seconds that one job may run
    "HEALTH_JOB_LIMIT_S": "3600",
    # seconds without a tick of beat, which ticks at least every 10
    "HEALTH_BEAT_TICK_S": "60",
    # seconds of failure with Redis in order after which the main process is ended, so that a restart policy
    # starts it anew; empty: never. For platforms that do not replace unhealthy containers.
    "HEALTH_RESTART_AFTER_S": "",
}


def setting(name: str) -> str:
    return os.environ.get(name) or DEFAULTS[name]
