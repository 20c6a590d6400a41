"""ECS services with deployments that start, complete, fail, and are rolled back, and with the tasks that stopped.

An SSM parameter sets a fault for the deployments of a service that start from now on: `/emulator/SERVICE`, in JSON:
  {"mode": "stop", "exitCode": 1, "reason": "Essential container in task exited", "log": "RuntimeError: boom"}
      its tasks stop; the circuit breaker fails the deployment and rolls back to the previous one
  {"mode": "stall"}                    no task starts while the parameter exists
  {"mode": "protected", "seconds": 6}  an old task keeps running for this time beside the new ones
"""

import json
import threading
import time
import uuid

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ecs.responses import EC2ContainerServiceResponse
from moto.logs.models import logs_backends
from moto.ssm.models import ssm_backends

from host_images import container_instance, container_instance_arn, group_of, image_of
import service_deployments
from service_properties import store

START_S = 1.5  # duration of a deployment
FAILED_S = 4  # time for which a failed deployment stays in the list

# moto handles requests in parallel. DescribeServices must not see half of an UpdateService.
ONE_AT_A_TIME = threading.RLock()


def fault_of(request, service) -> dict:
    parameter = ssm_backends[request.current_account][request.region]._parameters.get(f"/emulator/{service.name}")
    return json.loads(parameter[-1].value) if parameter else {}


class Deployment:
    def __init__(self, service, fault: dict, reason: str = ""):
        self.service, self.fault, self.reason = service, fault, reason
        self.id = f"ecs-svc/{uuid.uuid4().int % 10**19:019}"
        self.definition = service.task_definition
        self.born, self.created = time.time(), utcnow()
        self.state, self.running, self.failed = "IN_PROGRESS", 0, 0
        self.ended: float | None = None
        self.finished = None

    @property
    def status(self) -> str:
        """Status of the service deployment."""
        return {"IN_PROGRESS": "IN_PROGRESS", "COMPLETED": "SUCCESSFUL", "FAILED": "ROLLBACK_SUCCESSFUL"}[self.state]

    def tasks(self, desired: int) -> list[dict]:
        """The tasks that run, and those that start."""
        return [self.task(number, number < self.running) for number in range(max(desired, self.running))]

    def task(self, number: int, runs: bool) -> dict:
        service = self.service
        name = f"{self.id.split('/')[-1]}{number}"
        return {
            "taskArn": f"{service.arn.replace(':service/', ':task/').rsplit('/', 1)[0]}/{name}",
            "clusterArn": service.cluster_arn,
            "taskDefinitionArn": self.definition,
            "startedBy": self.id,
            "group": f"service:{service.name}",
            "lastStatus": "RUNNING" if runs else "PENDING",
            "desiredStatus": "RUNNING",
            "healthStatus": "HEALTHY" if runs else "UNKNOWN",
            "createdAt": self.created,
        }

    @property
    def age(self) -> float:
        return time.time() - self.born

    def listed(self, primary: bool) -> dict:
        done = {"COMPLETED": "completed.", "IN_PROGRESS": "in progress."}
        return {
            "id": self.id,
            "status": "PRIMARY" if primary else "ACTIVE",
            "taskDefinition": self.definition,
            "desiredCount": self.service.desired_count if primary else 0,
            "runningCount": self.running,
            "pendingCount": max(self.service.desired_count - self.running, 0) if primary else 0,
            "failedTasks": self.failed,
            "rolloutState": self.state,
            "rolloutStateReason": self.reason or f"ECS deployment {self.id} {done[self.state]}",
            "createdAt": self.created,
            "updatedAt": utcnow(),
        }


class Rollouts:
    """The deployments of a service, the newest first, and the tasks that stopped."""

    def __init__(self):
        self.deployments: list[Deployment] = []
        self.all: list[Deployment] = []  # also those that have left the list
        self.stopped: list[dict] = []
        self.last_good: str | None = None

    def advance(self, service, request) -> None:
        new = self.deployments[0]
        mode = new.fault.get("mode")
        if mode == "stall":
            mode = fault_of(request, service).get("mode")  # removing the parameter ends the stall, as a new instance does
        if new.state == "IN_PROGRESS" and mode == "stop" and service.desired_count:
            self.stop(new, service, request)
        elif new.state == "IN_PROGRESS" and mode != "stall" and (new.age >= START_S or not service.desired_count):
            new.running = service.desired_count
            if mode != "protected" or new.age >= new.fault["seconds"]:
                new.state, new.finished, self.last_good = "COMPLETED", utcnow(), new.definition
                del self.deployments[1:]
        self.deployments[1:] = [old for old in self.deployments[1:] if not old.ended or time.time() - old.ended < FAILED_S]
        service.deployments = [one.listed(place == 0) for place, one in enumerate(self.deployments)]
        service.task_definition = self.deployments[0].definition
        service.running_count = sum(one.running for one in self.deployments)
        service.pending_count = max(service.desired_count - service.running_count, 0)
        service.events = [event(service, "was unable to place a task because no container instance met all of its requirements.")] if mode == "stall" else []

    def stop(self, new: Deployment, service, request) -> None:
        while new.failed < min(3, int(new.age / (START_S / 3))):
            new.failed += 1
            self.stopped.insert(0, stopped_task(new, service, request))
        if new.failed >= 3:
            self.fail(new, service, "ECS deployment circuit breaker: tasks failed to start.")

    def fail(self, new: Deployment, service, reason: str) -> None:
        """Ends a deployment, and rolls back to the previous one."""
        new.state, new.ended, new.finished, new.reason = "FAILED", time.time(), utcnow(), reason
        if self.last_good:
            service.task_definition = self.last_good
            self.deployments.insert(0, Deployment(service, {}, f"ECS deployment circuit breaker: rolling back to deploymentId {new.id}."))


def stopped_task(deployment: Deployment, service, request) -> dict:
    task, fault = uuid.uuid4().hex, deployment.fault
    arn = f"arn:aws:ecs:{request.region}:{request.current_account}:task/{service.cluster_name}/{task}"
    family, revision = deployment.definition.split("/")[-1].split(":")
    definition = request.ecs_backend.task_definitions[family][int(revision)]
    [container] = definition.container_definitions
    write_log(request, container, task, fault.get("log", "RuntimeError: boom"))
    end = {"exitCode": fault["exitCode"]} if "exitCode" in fault else {}
    return {
        "taskArn": arn,
        "clusterArn": service.cluster_arn,
        "taskDefinitionArn": deployment.definition,
        "startedBy": deployment.id,
        "group": f"service:{service.name}",
        "lastStatus": "STOPPED",
        "desiredStatus": "STOPPED",
        "stopCode": "EssentialContainerExited" if end else "ServiceSchedulerInitiated",
        "stoppedReason": fault.get("reason", "Essential container in task exited"),
        "createdAt": utcnow(),
        "stoppedAt": utcnow(),
        "containers": [{"name": container["name"], "lastStatus": "STOPPED", **end}],
    }


def write_log(request, container: dict, task: str, text: str) -> None:
    options = container["logConfiguration"]["options"]
    group, stream = options["awslogs-group"], f"{options['awslogs-stream-prefix']}/{container['name']}/{task}"
    logs = logs_backends[request.current_account][request.region]
    logs.create_log_stream(group, stream)
    logs.put_log_events(group, stream, [{"timestamp": int(time.time() * 1000), "message": text}])


def event(service, text: str) -> dict:
    return {"id": str(uuid.uuid4()), "createdAt": utcnow(), "message": f"(service {service.name}) {text}"}


def one_at_a_time(handler):
    def locked(self):
        with ONE_AT_A_TIME:
            return handler(self)

    return locked


def changed(original, starts):
    """Runs the handler of moto, then stores the properties that moto ignores, and starts a deployment where ECS does."""

    @one_at_a_time
    def handler(self):
        wanted = self._get_params()
        cluster = (wanted.get("cluster") or "default").split("/")[-1]
        name = (wanted.get("serviceName") or wanted["service"]).split("/")[-1]
        before = self.ecs_backend.services.get(f"{cluster}:{name}")
        definition = before.task_definition if before else None
        out = original(self)
        service = self.ecs_backend.services[f"{cluster}:{name}"]
        store(service, wanted)
        if starts(service, definition, wanted):
            rollouts = service.rollouts = getattr(service, "rollouts", None) or Rollouts()
            old = rollouts.deployments[:1]
            new = Deployment(service, fault_of(self, service))
            rollouts.deployments = [new, *old]
            rollouts.all.insert(0, new)
        service.rollouts.advance(service, self)
        return out

    return handler


Response = EC2ContainerServiceResponse
Response.create_service = changed(Response.create_service, lambda *_: True)
Response.update_service = changed(
    Response.update_service,
    lambda service, definition, wanted: wanted.get("forceNewDeployment") or service.task_definition != definition,
)


describe_services_of_moto = Response.describe_services


@one_at_a_time
def describe_services(self):
    cluster = (self._get_param("cluster") or "default").split("/")[-1]
    for key, service in self.ecs_backend.services.items():
        if key.startswith(f"{cluster}:") and service.status == "ACTIVE":
            service.rollouts.advance(service, self)
    return describe_services_of_moto(self)


def all_tasks(request) -> list[tuple[str, dict]]:
    """The tasks of all services, with the name of their service."""
    found = []
    for service in request.ecs_backend.services.values():
        rollouts = service.rollouts
        found += [(service.name, task) for task in rollouts.stopped]
        for place, one in enumerate(rollouts.deployments):
            found += [(service.name, task) for task in one.tasks(service.desired_count if place == 0 else 0)]
    return found


# The tasks of RunTask by their ARN. Each has ended with exit code 0.
REQUESTED: dict[str, dict] = {}


def run_task(self):
    wanted = self._get_params()
    cluster = self.ecs_backend._get_cluster((wanted.get("cluster") or "default").split("/")[-1])
    definition = self.ecs_backend.describe_task_definition(wanted["taskDefinition"])
    provider = (wanted.get("capacityProviderStrategy") or [{}])[0].get("capacityProvider")
    group = group_of(self.ecs_backend, provider)
    [container] = definition.container_definitions
    arn = f"{cluster.arn.replace(':cluster/', ':task/')}/{uuid.uuid4().hex}"
    REQUESTED[arn] = {
        "taskArn": arn,
        "clusterArn": cluster.arn,
        "taskDefinitionArn": definition.arn,
        "startedBy": wanted.get("startedBy") or "",
        "lastStatus": "STOPPED",
        "desiredStatus": "STOPPED",
        "stopCode": "EssentialContainerExited",
        "stoppedReason": "Essential container in task exited",
        "createdAt": utcnow(),
        "stoppedAt": utcnow(),
        "containers": [{"name": container["name"], "lastStatus": "STOPPED", "exitCode": 0}],
        **({"containerInstanceArn": container_instance_arn(cluster.arn, group)} if group else {}),
    }
    return ActionResult({"tasks": [REQUESTED[arn]], "failures": []})


def describe_container_instances(self):
    arns = self._get_param("containerInstances", [])
    images = {arn: image_of(self.current_account, self.region, arn.split("/")[-1]) for arn in arns}
    return ActionResult({"containerInstances": [container_instance(arn, image) for arn, image in images.items()], "failures": []})


@one_at_a_time
def list_tasks(self):
    name, status = self._get_param("serviceName"), self._get_param("desiredStatus") or "RUNNING"
    arns = [task["taskArn"] for owner, task in all_tasks(self) if owner == name and task["desiredStatus"] == status]
    return ActionResult({"taskArns": arns})


@one_at_a_time
def describe_tasks(self):
    wanted = self._get_param("tasks", [])
    tasks = [task for _, task in all_tasks(self) if task["taskArn"] in wanted]
    tasks += [task for arn, task in REQUESTED.items() if arn in wanted]
    return ActionResult({"tasks": tasks, "failures": []})


Response.describe_services = describe_services
Response.run_task = run_task
Response.describe_container_instances = describe_container_instances
Response.list_tasks = list_tasks
Response.describe_tasks = describe_tasks

service_deployments.install(
    lambda request: [(service, one) for service in request.ecs_backend.services.values() for one in service.rollouts.all],
    lambda service, deployment: service.rollouts.fail(deployment, service, "The deployment was stopped."),
    ONE_AT_A_TIME,
)
