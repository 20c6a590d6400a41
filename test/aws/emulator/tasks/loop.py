"""The state of all services and tasks, and the loop that reconciles it with the containers."""

import atexit
import threading
import traceback

from moto.elbv2.models import elbv2_backends

from host_images import group_of

from . import agent, containers, load_balancer, load_balancer_metrics
from .hosts import Group
from .service import Scheduler
from .task import Task

# Every change of the state holds this lock: the calls of the API, and the loop.
LOCK = threading.RLock()

ENDED = threading.Event()

# Seconds between two looks at the containers.
EVERY_S = 0.25

SCHEDULERS: dict[str, Scheduler] = {}  # by the ARN of the service
GROUPS: dict[str, Group] = {}  # by the name of the Auto Scaling group
TASKS: dict[str, Task] = {}  # by ID

# What the loop does besides. The modules that build on this one add to it.
STEPS: list = []


def start_task(backend, cluster, definition, started_by: str, group: str, overrides: dict | None = None, targets=(), **more) -> Task:
    """Starts a task. `targets`: the load balancers of its service. If its capacity provider has an Auto Scaling group, it waits in PROVISIONING for a host of the group."""
    task = Task(cluster, definition, started_by, group, overrides, **more)
    task.targets = list(targets)
    task.place = lambda: task.start(agent.address(TASKS, LOCK), backend.account_id, backend.region_name)
    TASKS[task.id] = task
    task.hosts = hosts_of(backend, more.get("capacityProviderName"))
    if not task.hosts:
        task.place()
    return task


def hosts_of(backend, provider: str | None) -> Group | None:
    """The hosts of a capacity provider. None for Fargate."""
    name = group_of(backend, provider)
    if not name:
        return None
    return GROUPS.setdefault(name, Group(backend.account_id, backend.region_name, name))


def provider_of(service) -> str | None:
    """The first capacity provider of the strategy of a service."""
    strategy = getattr(service, "capacity_provider_strategy", None)
    return strategy[0]["capacityProvider"] if strategy else None


def scheduler(backend, service) -> Scheduler:
    """The scheduler of a service of moto."""

    def start(deployment):
        definition = backend.describe_task_definition(deployment.definition)
        cluster = backend.clusters[service.cluster_name]
        provider = provider_of(service)
        more = {"capacityProviderName": provider} if provider else {"launchType": service.launch_type}
        more["targets"] = service.load_balancers
        return start_task(backend, cluster, definition, deployment.id, f"service:{service.name}", **more)

    if service.arn not in SCHEDULERS or SCHEDULERS[service.arn].service is not service:
        SCHEDULERS[service.arn] = Scheduler(service, start)
    return SCHEDULERS[service.arn]


def run() -> None:
    while not ENDED.wait(EVERY_S):
        with LOCK:
            if ENDED.is_set():
                return
            for step in [serve, *(task.look for task in TASKS.values()), *(one.reconcile for one in SCHEDULERS.values()), place_tasks, *STEPS]:
                try:
                    step()
                except Exception:  # the others go on
                    traceback.print_exc()


def serve() -> None:
    """The load balancers: their listeners, the health of their targets, and their metrics."""
    for account in list(elbv2_backends):
        for backend in list(elbv2_backends[account].values()):
            load_balancer.serve_listeners(backend)
            load_balancer.check_targets(backend)
            if load_balancer_metrics.is_minute(backend):
                load_balancer.host_counts(backend)
    load_balancer_metrics.publish()


def place_tasks() -> None:
    """Places the tasks that wait for a host, and scales the Auto Scaling groups."""
    for group in GROUPS.values():
        waiting = [task for task in TASKS.values() if task.hosts is group and task.last_status == "PROVISIONING"]
        placed = group.place(waiting)
        for task in placed:
            task.place()
        if group.group:
            group.scale([task for task in waiting if task not in placed])


@atexit.register
def end() -> None:
    """Stops the loop and removes all containers, volumes, and networks."""
    ENDED.set()
    containers.remove_all()


threading.Thread(target=run, daemon=True, name="reconcile").start()
