"""An ECS service: its deployments, and which of its tasks start and stop."""

import math
import time
import uuid

from moto.core.utils import utcnow

from .deployment_alarms import REASON, DeploymentAlarms

# Threshold of the circuit breaker: half the desired count, at least 3, at most 200.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
MINIMUM_THRESHOLD, MAXIMUM_THRESHOLD = 3, 200

# Seconds for which a failed deployment without tasks stays in the list.
FAILED_S = 4

# Statuses of a service deployment by the state of the deployment that it follows.
STATUSES = {"IN_PROGRESS": "IN_PROGRESS", "COMPLETED": "SUCCESSFUL", "FAILED": "STOPPED"}


class Deployment:
    def __init__(self, definition: str, alarms: DeploymentAlarms, reason: str = "", rolls_back: "Deployment | None" = None):
        self.id = f"ecs-svc/{uuid.uuid4().int % 10**19:019}"
        self.definition, self.alarms, self.reason, self.rolls_back = definition, alarms, reason, rolls_back
        self.created = self.updated = utcnow()
        self.state, self.failed = "IN_PROGRESS", 0
        self.ended: float | None = None
        self._finished = None
        self.rollback: Deployment | None = None  # the deployment that rolls this one back
        self.is_restored = False  # whether it was complete, and is the primary one again after a rollback

    def end(self, state: str, reason: str) -> None:
        self.state, self.reason, self.ended = state, reason, time.time()
        self.updated = self._finished = utcnow()

    def listed(self, desired: int, tasks: list, primary: bool) -> dict:
        running = sum(task.last_status == "RUNNING" for task in tasks)
        pending = sum(task.last_status in ("PROVISIONING", "PENDING") for task in tasks)
        return {
            "id": self.id,
            "status": "PRIMARY" if primary else "ACTIVE",
            "taskDefinition": self.definition,
            "desiredCount": desired if primary else 0,
            "runningCount": running,
            "pendingCount": pending,
            "failedTasks": self.failed,
            "rolloutState": self.state,
            "rolloutStateReason": self.reason or f"ECS deployment {self.id} in progress.",
            "createdAt": self.created,
            "updatedAt": self.updated,
        }

    @property
    def finished(self):
        return (self.rollback or self)._finished

    @property
    def status(self) -> str:
        """Status of the service deployment, in which a rollback belongs to the deployment that failed."""
        if not self.rollback:
            return "SUCCESSFUL" if self.is_restored else STATUSES[self.state]
        return {"IN_PROGRESS": "ROLLBACK_IN_PROGRESS", "COMPLETED": "ROLLBACK_SUCCESSFUL", "FAILED": "ROLLBACK_FAILED"}[self.rollback.state]


class Scheduler:
    """Starts and stops the tasks of a service of moto. `start_task`: starts a task of a task definition for a deployment."""

    def __init__(self, service, start_task):
        self.service, self.start_task = service, start_task
        self.deployments: list[Deployment] = []  # the newest first
        self.all: list[Deployment] = []  # also those that have left the list
        self.tasks: list = []
        self.last_completed: str | None = None

    def deploy(self, definition: str, reason: str = "", rolls_back: Deployment | None = None) -> Deployment:
        new = Deployment(definition, DeploymentAlarms(self.service), reason, rolls_back)
        for old in self.deployments:
            if old.state == "IN_PROGRESS":
                old.end("FAILED", f"ECS deployment {old.id} was replaced.")
        self.deployments.insert(0, new)
        self.all.insert(0, new)
        self.service.task_definition = definition
        return new

    def tasks_of(self, deployment: Deployment) -> list:
        return [task for task in self.tasks if task.started_by == deployment.id]

    @property
    def limits(self) -> tuple[int, int]:
        """Minimum number of healthy tasks and maximum number of tasks."""
        configuration = getattr(self.service, "deployment_configuration", None) or {}
        desired = self.service.desired_count
        minimum = math.ceil(desired * configuration.get("minimumHealthyPercent", 100) / 100)
        return minimum, math.floor(desired * configuration.get("maximumPercent", 200) / 100)

    def reconcile(self) -> None:
        primary = self.deployments[0]
        for task in [task for task in self.tasks if not task.is_live]:
            self.tasks.remove(task)
            if task.started_by == primary.id and not task.was_healthy and task.stop_code != "ServiceSchedulerInitiated":
                primary.failed += 1
        for task in [task for task in self.tasks if task.is_active and not task.is_failing]:
            if task.health == "UNHEALTHY" and self.is_past_grace_period(task):
                self.replace_unhealthy(task, primary, "Task failed container health checks", f"(task {task.id}) failed container health checks.")
            elif task.target_state == "unhealthy" and self.is_past_grace_period(task):
                [target] = task.targets
                group = target["targetGroupArn"]
                text = f"(task {task.id}) (port {target['containerPort']}) is unhealthy in ({group})."
                self.replace_unhealthy(task, primary, f"Task failed ELB health checks in ({group})", text)
        self.break_circuit(primary)
        self.watch_alarms(primary)
        primary = self.deployments[0]
        self.start_new(primary)
        self.stop_replaced(primary)
        self.stop_old(primary)
        self.complete(primary)
        self.publish()

    def replace_unhealthy(self, task, primary: Deployment, reason: str, text: str) -> None:
        """Stops a task, after its replacement is healthy if the maximum percent leaves room for both, or if the minimum requires it. A task
        that was never healthy is stopped at once, and counts for the circuit breaker.
        https://aws.amazon.com/blogs/containers/a-deep-dive-into-amazon-ecs-task-health-and-task-replacement/"""
        minimum, maximum = self.limits
        self.event(text)
        if task.was_healthy and (len(self.tasks) < maximum or self.working() <= minimum):
            task.failure = reason
            return
        task.stop("ServiceSchedulerInitiated", reason)
        if task.started_by == primary.id and not task.was_healthy:
            primary.failed += 1

    def working(self) -> int:
        """Number of tasks that count for the minimum: also those that were healthy, until their replacement is healthy.
        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html"""
        return sum(task.is_active and (task.is_healthy or task.was_healthy) for task in self.tasks)

    def stop_replaced(self, primary: Deployment) -> None:
        """Stops the failing tasks whose replacement is healthy."""
        healthy = sum(task.is_active and task.is_healthy for task in self.tasks_of(primary))
        for task in [task for task in self.tasks if task.is_active and task.is_failing]:
            if healthy >= self.service.desired_count:
                task.stop("ServiceSchedulerInitiated", task.failure)

    def is_past_grace_period(self, task) -> bool:
        """Whether failed checks count."""
        grace = int(getattr(self.service, "health_check_grace_period_seconds", None) or 0)
        return (utcnow() - task.times["startedAt"]).total_seconds() > grace

    def start_new(self, primary: Deployment) -> None:
        _, maximum = self.limits
        if primary.state == "FAILED":
            return
        missing = self.service.desired_count - sum(task.is_active and not task.is_failing for task in self.tasks_of(primary))
        for _ in range(min(missing, maximum - len(self.tasks))):
            task = self.start_task(primary)
            self.tasks.append(task)
            self.event(f"has started 1 tasks: (task {task.id}).")

    def stop_old(self, primary: Deployment) -> None:
        """Stops the tasks of earlier deployments as far as the minimum allows it, the unhealthy ones first, and tasks above the desired
        count."""
        minimum, _ = self.limits
        working = self.working()
        old = [task for task in self.tasks if task.is_active and task.started_by != primary.id]
        new = [task for task in self.tasks_of(primary) if task.is_active and not task.is_failing]
        # Protected tasks stay: others stop in their place, the newest first.
        number = max(len(new) - self.service.desired_count, 0)
        surplus = [task for task in reversed(new) if not task.is_protected][:number]
        for task in sorted(old, key=lambda one: one.is_healthy) + surplus:
            counts = task.is_healthy or task.was_healthy
            if task.is_protected or (counts and working - 1 < minimum):
                continue
            working -= counts
            task.stop("ServiceSchedulerInitiated", f"Scaling activity initiated by (deployment {primary.id})")
            self.event(f"has stopped 1 running tasks: (task {task.id}).")

    def complete(self, primary: Deployment) -> None:
        if primary.state != "IN_PROGRESS":
            return
        healthy = sum(task.is_active and task.is_healthy for task in self.tasks_of(primary))
        old = [task for task in self.tasks if task.started_by != primary.id]
        # A deployment of a service without desired tasks is complete at once. It verifies nothing.
        if self.service.desired_count == 0 or (healthy >= self.service.desired_count and not old and primary.alarms.is_baked()):
            primary.end("COMPLETED", f"ECS deployment {primary.id} completed.")
            self.last_completed = primary.definition
            self.event("has reached a steady state.")

    def break_circuit(self, primary: Deployment) -> None:
        breaker = (getattr(self.service, "deployment_configuration", None) or {}).get("deploymentCircuitBreaker") or {}
        threshold = min(max(math.ceil(self.service.desired_count / 2), MINIMUM_THRESHOLD), MAXIMUM_THRESHOLD)
        if primary.state != "IN_PROGRESS" or not breaker.get("enable") or primary.failed < threshold:
            return
        self.fail(primary, "ECS deployment circuit breaker: tasks failed to start.", breaker.get("rollback", False))

    def watch_alarms(self, primary: Deployment) -> None:
        """Fails a deployment whose new tasks run while an alarm is in ALARM."""
        runs = any(task.last_status == "RUNNING" for task in self.tasks_of(primary))
        if primary.state != "IN_PROGRESS" or not runs or not primary.alarms.look():
            return
        self.event(f"(deployment {primary.id}) deployment failed: {REASON}")
        self.fail(primary, f"ECS deployment {primary.id} failed: {REASON}", primary.alarms.rolls_back)

    def fail(self, deployment: Deployment, reason: str, rollback: bool) -> None:
        """Ends a deployment, and deploys the last definition that was complete."""
        deployment.end("FAILED", reason)
        if rollback and self.last_completed and not (deployment.rolls_back or deployment.is_restored):
            deployment.rollback = self.restore() or self.deploy(self.last_completed, rolls_back=deployment)
            method = "failed" if deployment.alarms.triggered else "circuit breaker"
            deployment.rollback.reason = f"ECS deployment {method}: rolling back to deploymentId {deployment.rollback.id}."
            return
        for task in self.tasks_of(deployment):
            if not task.is_healthy:
                task.stop("ServiceSchedulerInitiated", f"Scaling activity initiated by (deployment {deployment.id})")

    def restore(self) -> Deployment | None:
        """Makes the last complete deployment the primary one again, with the tasks that it still has, if it is in the list.
        https://github.com/aws/copilot-cli/issues/4838"""
        for old in self.deployments[1:]:
            if old.definition == self.last_completed and old.state == "COMPLETED":
                self.deployments.remove(old)
                self.deployments.insert(0, old)
                self.service.task_definition = old.definition
                old.state, old.failed, old.is_restored, old.alarms = "IN_PROGRESS", 0, True, DeploymentAlarms(self.service)
                return old
        return None

    def publish(self) -> None:
        """Writes the state to the attributes of moto's service, which DescribeServices returns."""
        service, now = self.service, time.time()
        self.deployments[1:] = [
            old
            for old in self.deployments[1:]
            if self.tasks_of(old) or (old.state == "FAILED" and now - (old.ended or now) < FAILED_S)
        ]
        service.deployments = [
            one.listed(service.desired_count, self.tasks_of(one), place == 0) for place, one in enumerate(self.deployments)
        ]
        service.running_count = sum(task.last_status == "RUNNING" for task in self.tasks)
        service.pending_count = sum(task.last_status in ("PROVISIONING", "PENDING") for task in self.tasks)
        if service.status == "DRAINING" and not self.tasks:
            service.status = "INACTIVE"

    def event(self, text: str) -> None:
        message = f"(service {self.service.name}) {text}"
        self.service.events = [{"id": str(uuid.uuid4()), "createdAt": utcnow(), "message": message}, *self.service.events][:100]
