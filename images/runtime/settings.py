"""Facts about the application, and settings of the scripts in this folder, which are environment variables with defaults."""

import json
import os
from pathlib import Path

# Written by the build from the table in stack/app/application.ts.
APPLICATION = json.loads(Path(__file__).with_name("application.json").read_text())
PACKAGE: str = APPLICATION["package"]
API_APP: str = APPLICATION["apiApp"]
CELERY_APP: str = APPLICATION["celeryApp"]
QUEUES: list[str] = APPLICATION["queues"]
HEALTH_PATH: str = APPLICATION["healthPath"]
# NVIDIA driver of each CUDA toolkit, by MAJOR.MINOR. Written from the table in stack/images/cuda.ts.
TOOLKIT_DRIVERS: dict[str, str] = APPLICATION["toolkitDrivers"]

# Folder of the small files through which the entrypoint, the scheduler, and the health check exchange state.
STATE = Path(os.environ.get("SPATIALFORGE_STATE", "/tmp/spatialforge"))

DEFAULTS = {
    # Port of the API.
    "PORT": str(APPLICATION["port"]),
    # Seconds. Must exceed the idle timeout of the load balancer (default of an ALB: 60), which otherwise returns 502 occasionally.
    "UVICORN_KEEP_ALIVE_S": "75",
    # Seconds to complete requests after SIGTERM. The whole shutdown must take less than 5 s.
    "UVICORN_GRACE_S": "3",
    # 1: the API and the workers require a GPU.
    "GPU_REQUIRED": "0",
    "REDIS_URL": "redis://localhost:6379/0",
    # Queues of a worker, separated by commas.
    "WORKER_QUEUES": ",".join(QUEUES),
    # Path of an authenticated route that reads Redis for an unknown API key and has no rate limit.
    "HEALTH_AUTH_ROUTE": APPLICATION["authenticatedPath"],
    # Seconds for which the checks must succeed before a container is healthy for the first time.
    "HEALTH_MINIMUM_S": "0",
    # Seconds without Redis before a container is unhealthy. Must exceed the duration of a failover.
    "HEALTH_REDIS_TOLERANCE_S": "180",
    # Maximum seconds that one job may run.
    "HEALTH_JOB_LIMIT_S": "3600",
    # Maximum seconds between two ticks of beat, which ticks at least every 10 s.
    "HEALTH_BEAT_TICK_S": "60",
    # Seconds in the unhealthy state, with Redis available, before the health check stops the main process so that a restart
    # policy starts it again. Empty: never. For platforms that do not replace unhealthy containers.
    "HEALTH_RESTART_AFTER_S": "",
    # Maximum seconds of each step of `verify`. An API that loads its models must become healthy within it.
    "VERIFY_STEP_S": "300",
    # CloudWatch namespace of the metrics, which beat and roles with a GPU write to their standard output. Empty: they publish no metrics.
    "METRICS_NAMESPACE": "",
    # Values of the dimensions `Stack` and `Role` of the metrics. beat has the roles in BACKLOG_ROLES.
    "METRICS_STACK": PACKAGE,
    "METRICS_ROLE": "",
    # Seconds between two publications of the metrics of a GPU.
    "GPU_METRICS_EVERY_S": "60",
    # Worker roles, as JSON: {"ROLE": {"queues": ["QUEUE", ...], "minTasks": 0, "maxTasks": 1, "backlogPerTask": 4}}. Their names are the
    # values of the metrics' dimension `Role`.
    "BACKLOG_ROLES": "{}",
    # Seconds before the number of tasks that a role needs falls.
    "SCALE_IN_DELAY_S": "0",
    # Seconds between two publications of the backlog.
    "BACKLOG_EVERY_S": "30",
    # 1: the ECS task of a worker is protected from scale-in while a job runs.
    "SCALE_IN_PROTECTION": "0",
    # Set by the ECS agent in every container of a task. Empty: there is no agent, and no protection.
    "ECS_AGENT_URI": "",
    # Minutes before a protection that is not renewed expires. ECS accepts integers from 1 to 2880.
    "PROTECTION_EXPIRES_MIN": "10",
    # Seconds between two renewals while a job runs. Must leave room for a failed renewal before the expiration.
    "PROTECTION_RENEW_S": "300",
}


def setting(name: str) -> str:
    """An empty environment variable counts as unset."""
    return os.environ.get(name) or DEFAULTS[name]
