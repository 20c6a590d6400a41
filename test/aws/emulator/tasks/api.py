"""The calls of ECS that run tasks, in place of those of moto."""

from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult
from moto.core.utils import camelcase_to_underscores
from moto.ecs.exceptions import InvalidParameterException
from moto.ecs.responses import EC2ContainerServiceResponse as Response
from host_images import container_instance_arn
import service_deployments as service_deployments_calls
from service_properties import store

from . import alarms, efs_volumes, host_refreshes, loop, redis_server  # noqa: F401
from .agent import protect, protection

# Changes of a service that start a deployment.
DEPLOYS = {"taskDefinition", "networkConfiguration", "capacityProviderStrategy", "loadBalancers", "platformVersion"}


loop.STEPS.append(alarms.step)


def call(handler):
    """A call of the API. It holds the lock, and replaces the call of moto with its name."""

    def locked(self):
        with loop.LOCK:
            return handler(self, self._get_params())

    setattr(Response, handler.__name__, locked)
    return locked


def cluster_of(self, wanted):
    return self.ecs_backend._get_cluster((wanted.get("cluster") or "default").split("/")[-1])


def service_of(self, wanted):
    name = (wanted.get("serviceName") or wanted["service"]).split("/")[-1]
    return self.ecs_backend.services[f"{cluster_of(self, wanted).name}:{name}"]


def describe_scaling_activities(self):
    """The activities of an Auto Scaling group, the newest first."""
    with loop.LOCK:
        group = loop.GROUPS.get(self._get_param("AutoScalingGroupName"))
        return ActionResult({"Activities": group.activities if group else []})


AutoScalingResponse.describe_scaling_activities = describe_scaling_activities


moto_create_service, moto_update_service = Response.create_service, Response.update_service
moto_describe_services = Response.describe_services


@call
def create_service(self, wanted):
    out = moto_create_service(self)
    service = service_of(self, wanted)
    service.running_count = service.pending_count = 0
    store(service, wanted)
    one = loop.scheduler(self.ecs_backend, service)
    one.deploy(service.task_definition)
    one.reconcile()
    return out


@call
def update_service(self, wanted):
    service = service_of(self, wanted)
    before = {key: getattr(service, camelcase_to_underscores(key), None) for key in DEPLOYS}
    counts = service.running_count, service.pending_count
    out = moto_update_service(self)
    service.running_count, service.pending_count = counts
    service.task_definition = self.ecs_backend.describe_task_definition(service.task_definition).arn
    after = {**wanted, "taskDefinition": service.task_definition}
    changed = {key for key in DEPLOYS & wanted.keys() if wanted[key] is not None and after[key] != before[key]}
    store(service, wanted)
    one = loop.scheduler(self.ecs_backend, service)
    if changed or wanted.get("forceNewDeployment"):
        one.deploy(service.task_definition)
    one.reconcile()
    return out


@call
def delete_service(self, wanted):
    service = service_of(self, wanted)
    if service.desired_count and not wanted.get("force"):
        raise InvalidParameterException("The service cannot be stopped while it is scaled above 0.")
    service.desired_count, service.status = 0, "DRAINING"
    one = loop.scheduler(self.ecs_backend, service)
    for task in one.tasks:
        task.stop("ServiceSchedulerInitiated", "Scaling activity initiated by the deletion of the service")
    one.reconcile()
    return ActionResult({"service": service})


@call
def describe_services(self, wanted):
    return moto_describe_services(self)


@call
def run_task(self, wanted):
    cluster = cluster_of(self, wanted)
    definition = self.ecs_backend.describe_task_definition(wanted["taskDefinition"])
    group = wanted.get("group") or f"family:{definition.family}"
    strategy = wanted.get("capacityProviderStrategy")
    more = {"capacityProviderName": strategy[0]["capacityProvider"]} if strategy else {"launchType": wanted.get("launchType") or "EC2"}
    tasks = [
        loop.start_task(self.ecs_backend, cluster, definition, wanted.get("startedBy") or "", group, wanted.get("overrides"), **more)
        for _ in range(int(wanted.get("count") or 1))
    ]
    return ActionResult({"tasks": [task.listed() for task in tasks], "failures": []})


def hosts_by_arn(self, wanted) -> dict:
    """The hosts that have registered, each with its zone. All clusters have the same ones."""
    cluster = cluster_of(self, wanted).arn
    groups = [group for group in loop.GROUPS.values() if group.group]
    hosts = [(host, group.group.availability_zones[0]) for group in groups for host in group.hosts if host.is_ready]
    return {container_instance_arn(cluster, host.id): (host, zone) for host, zone in hosts}


@call
def list_container_instances(self, wanted):
    return ActionResult({"containerInstanceArns": list(hosts_by_arn(self, wanted))})


@call
def describe_container_instances(self, wanted):
    by_arn = hosts_by_arn(self, wanted)
    arns = wanted["containerInstances"]
    found = [by_arn[arn][0].listed(arn, by_arn[arn][1]) for arn in arns if arn in by_arn]
    failures = [{"arn": arn, "reason": "MISSING"} for arn in arns if arn not in by_arn]
    return ActionResult({"containerInstances": found, "failures": failures})


@call
def stop_task(self, wanted):
    task = task_of(wanted["task"])
    task.stop("UserInitiated", wanted.get("reason") or "Task stopped by user")
    return ActionResult({"task": task.listed()})


def task_of(reference: str):
    task = loop.TASKS.get(reference.split("/")[-1])
    if not task:
        raise InvalidParameterException("The referenced task was not found.")
    return task


@call
def list_tasks(self, wanted):
    cluster, status = cluster_of(self, wanted), wanted.get("desiredStatus") or "RUNNING"
    service, family, started_by = wanted.get("serviceName"), wanted.get("family"), wanted.get("startedBy")
    arns = [
        task.arn
        for task in loop.TASKS.values()
        if task.cluster is cluster
        and task.desired_status == status
        and (not service or task.group == f"service:{service.split('/')[-1]}")
        and (not family or task.definition.family == family)
        and (not started_by or task.started_by == started_by)
    ]
    return ActionResult({"taskArns": arns})


@call
def describe_tasks(self, wanted):
    references = wanted.get("tasks") or []
    found = {reference: loop.TASKS.get(reference.split("/")[-1]) for reference in references}
    failures = [{"arn": reference, "reason": "MISSING"} for reference, task in found.items() if not task]
    return ActionResult({"tasks": [task.listed() for task in found.values() if task], "failures": failures})


@call
def update_task_protection(self, wanted):
    tasks = [task_of(reference) for reference in wanted["tasks"]]
    protected = [protect(task, wanted["protectionEnabled"], wanted.get("expiresInMinutes")) for task in tasks]
    return ActionResult({"protectedTasks": protected, "failures": []})


@call
def get_task_protection(self, wanted):
    tasks = [task_of(reference) for reference in wanted.get("tasks") or []]
    return ActionResult({"protectedTasks": [protection(task) for task in tasks], "failures": []})


def service_deployments(_request):
    """A rollback is not a service deployment of its own."""
    return [(one.service, deployment) for one in loop.SCHEDULERS.values() for deployment in one.all if not deployment.rolls_back]


def stop_deployment(service, deployment) -> None:
    one = loop.SCHEDULERS[service.arn]
    one.fail(deployment, "The deployment was stopped.", rollback=True)
    one.reconcile()


service_deployments_calls.install(service_deployments, stop_deployment, loop.LOCK)
