"""Settings of the scripts in this folder, all from the environment, with their defaults."""

import os
from pathlib import Path

CELERY_APP = "spatialforge.workers.celery_app"
# The queues that the worker takes jobs from
QUEUES = ("default", "gpu_heavy")
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
    # CloudWatch namespace of the backlog that beat publishes on its standard output; empty: beat publishes none
    "BACKLOG_NAMESPACE": "",
    # value of the metrics' only dimension, `Stack`
    "BACKLOG_STACK": "spatialforge",
    # seconds between two lines with the backlog
    "BACKLOG_EVERY_S": "30",
    # 1: a worker's ECS task is protected from scale-in while a job runs
    "SCALE_IN_PROTECTION": "0",
    # set by the ECS agent in every container of a task; empty: there is no agent, and nothing is protected
    "ECS_AGENT_URI": "",
    # minutes after which a protection that is not renewed ends by itself; ECS takes 1 to 2880, whole ones
    "PROTECTION_EXPIRES_MIN": "10",
    # seconds between two renewals while a job runs; less than the minutes above, with room for a failure
    "PROTECTION_RENEW_S": "300",
}


def setting(name: str) -> str:
    return os.environ.get(name) or DEFAULTS[name]
