"""One ECS task: its states, its container, its log."""

import json
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from docker.errors import NotFound
from moto.core.utils import utcnow
from moto.logs.models import logs_backends
from moto.secretsmanager.models import secretsmanager_backends

from host_images import container_instance_arn

from . import containers, load_balancer, metrics, object_store
from .containers import CannotStart

# Starts and stops take seconds, and must not hold the lock.
WORKERS = ThreadPoolExecutor(max_workers=16)
# A stop waits for the task to end, which takes up to its stop timeout. It must not delay a start.
STOPS = ThreadPoolExecutor(max_workers=64)

# Seconds for which the end of a task waits for its log.
LOG_TIMEOUT_S = 20

# Seconds between SIGTERM and SIGKILL without `stopTimeout`.
DEFAULT_STOP_TIMEOUT = 30


class Task:
    """The attributes change under the lock of `loop` only, except those that the worker of the task sets."""

    def __init__(self, cluster, definition, started_by: str, group: str, overrides: dict | None = None, **more):
        self.id = uuid.uuid4().hex
        self.cluster, self.definition, self.started_by, self.group = cluster, definition, started_by, group
        [self.container] = definition.container_definitions
        [self.overrides] = (overrides or {}).get("containerOverrides") or [{}]
        self.more = more  # launchType, capacityProviderName
        self.arn = f"{cluster.arn.replace(':cluster/', ':task/')}/{self.id}"
        self.last_status, self.desired_status, self.health = "PROVISIONING", "RUNNING", "UNKNOWN"
        self.was_healthy = False
        self.failure = ""  # why the service replaces the task
        self.stop_code = self.stopped_reason = self.container_reason = None
        self.exit_code: int | None = None
        self.times = {"createdAt": utcnow()}
        self.protected_until = 0.0
        self.docker = None  # the container on the engine
        self.address = ""
        self.hosts = None  # the Auto Scaling group that it runs on
        self.host = None  # the host that it runs on
        self.log: threading.Thread | None = None
        self.targets: list[dict] = []  # the load balancers of its service

    @property
    def is_live(self) -> bool:
        return self.last_status != "STOPPED"

    @property
    def is_active(self) -> bool:
        return self.is_live and self.desired_status == "RUNNING"

    @property
    def is_healthy(self) -> bool:
        """Without a health check, a task that runs is healthy. Behind a load balancer, its target must be healthy too."""
        runs = self.last_status == "RUNNING" and (self.health == "HEALTHY" or not self.container.get("healthCheck"))
        return runs and (not self.targets or self.target_state == "healthy")

    @property
    def is_failing(self) -> bool:
        """Whether the task waits for its replacement."""
        return bool(self.failure)

    @property
    def target_state(self) -> str | None:
        target = load_balancer.target_of(self)
        return target.state if target else None

    @property
    def is_protected(self) -> bool:
        return self.protected_until > time.time()

    def start(self, agent: str, account: str, region: str) -> None:
        self.last_status = "PENDING"
        WORKERS.submit(self._start, agent, account, region)

    def _start(self, agent: str, account: str, region: str) -> None:
        try:
            self.docker = containers.create(
                self, secret_values(self.container, account, region), agent, object_store.names(account, region)
            )
            if self.desired_status == "STOPPED":
                return self._ended(None)
            log = self._log_stream(account, region)
            self.docker.start()
            self.docker.reload()
            self.address = self.docker.attrs["NetworkSettings"]["Networks"][containers.RUN]["IPAddress"]
            if log:
                self.log = threading.Thread(target=self._follow_log, args=log, daemon=True)
                self.log.start()
            self.times["startedAt"] = utcnow()
            self.last_status = "RUNNING"
        except CannotStart as error:
            self._failed_to_start(str(error))
        except Exception as error:  # the engine refused the start
            self._failed_to_start(f"CannotStartContainerError: {error}")

    def _failed_to_start(self, reason: str) -> None:
        if not self.stop_code:  # otherwise it was stopped while it started
            self.stop_code, self.stopped_reason = "TaskFailedToStart", reason
        self._ended(None)

    def look(self) -> None:
        """Stops the container if the task must stop, and reads its state."""
        if self.last_status not in ("RUNNING", "DEACTIVATING", "STOPPING") or not self.docker:
            return
        if self.desired_status == "STOPPED" and self.last_status == "RUNNING":
            self.last_status = "DEACTIVATING"
        if self.last_status == "DEACTIVATING" and load_balancer.is_drained(self):
            self.last_status = "STOPPING"
            STOPS.submit(self.docker.stop, timeout=int(self.container.get("stopTimeout") or DEFAULT_STOP_TIMEOUT))
        try:
            self.docker.reload()
        except NotFound:
            return self._ended(137)
        state = self.docker.attrs["State"]
        if state["Status"] in ("exited", "dead"):
            if state.get("OOMKilled"):
                self.container_reason = "OutOfMemoryError: Container killed due to memory usage"
            if not self.stop_code:
                self.stop_code, self.stopped_reason = "EssentialContainerExited", "Essential container in task exited"
            return self._ended(state["ExitCode"])
        if self.container.get("healthCheck"):
            self.health = {"healthy": "HEALTHY", "unhealthy": "UNHEALTHY"}.get((state.get("Health") or {}).get("Status"), "UNKNOWN")
        if self.last_status == "RUNNING":
            for target in self.targets:
                load_balancer.register(target["targetGroupArn"], self, int(target["containerPort"]))
        self.was_healthy = self.was_healthy or (self.is_healthy and bool(self.container.get("healthCheck")))

    def stop(self, code: str, reason: str) -> None:
        if self.desired_status == "STOPPED":
            return
        self.desired_status, self.stop_code, self.stopped_reason = "STOPPED", code, reason
        self.times["stoppingAt"] = utcnow()
        if self.last_status == "PROVISIONING":
            self._ended(None)

    def lose(self, reason: str) -> None:
        """The host of the task has ended, and its container with it."""
        self.stop("ServiceSchedulerInitiated", reason)
        if self.docker:
            WORKERS.submit(self.docker.kill)

    def _ended(self, exit_code: int | None) -> None:
        self.exit_code, self.desired_status = exit_code, "STOPPED"
        self.times |= {"stoppedAt": utcnow()}
        self.times.setdefault("stoppingAt", self.times["stoppedAt"])
        load_balancer.forget(self)
        self.last_status = "DEPROVISIONING" if self.docker else "STOPPED"
        if self.docker:
            WORKERS.submit(self._deprovision)

    def _deprovision(self) -> None:
        """The task is STOPPED when its log is complete and its container is removed."""
        try:
            if self.log:
                self.log.join(LOG_TIMEOUT_S)
            containers.remove(self, self.docker)
        finally:
            self.last_status = "STOPPED"

    def _log_stream(self, account: str, region: str) -> tuple | None:
        """Creates the log stream of the task. Without its log group, the task cannot start."""
        options = (self.container.get("logConfiguration") or {}).get("options") or {}
        if "awslogs-group" not in options:
            return None
        group = options["awslogs-group"]
        stream = f"{options['awslogs-stream-prefix']}/{self.container['name']}/{self.id}"
        logs = logs_backends[account][region]
        try:
            logs.create_log_stream(group, stream)
        except Exception as error:
            raise CannotStart(
                "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: "
                f"failed to create Cloudwatch log stream: {type(error).__name__}: The specified log group does not exist."
            ) from None
        return logs, group, stream

    def _follow_log(self, logs, group: str, stream: str) -> None:
        def publish(lines: list[bytes]) -> None:
            events = [{"timestamp": int(time.time() * 1000), "message": line.decode(errors="replace")} for line in lines]
            if events:
                logs.put_log_events(group, stream, events)
                metrics.publish([one["message"] for one in events], logs.account_id, logs.region_name)

        rest = b""
        for chunk in self.docker.logs(stream=True, follow=True):
            *lines, rest = (rest + chunk).split(b"\n")
            publish(lines)
        publish([rest] if rest else [])

    def listed(self) -> dict:
        """The task as DescribeTasks returns it."""
        container = {
            "containerArn": f"{self.arn.replace(':task/', ':container/')}/1",
            "taskArn": self.arn,
            "name": self.container["name"],
            "image": self.container["image"],
            "lastStatus": self.last_status if self.last_status in ("RUNNING", "STOPPED") else "PENDING",
            "healthStatus": self.health,
            "networkInterfaces": [{"privateIpv4Address": self.address}] if self.address else [],
            **({"exitCode": self.exit_code} if self.exit_code is not None else {}),
            **({"reason": self.container_reason} if self.container_reason else {}),
        }
        return {
            "taskArn": self.arn,
            "clusterArn": self.cluster.arn,
            "taskDefinitionArn": self.definition.arn,
            "startedBy": self.started_by,
            "group": self.group,
            **({"containerInstanceArn": container_instance_arn(self.cluster.arn, self.host.id)} if self.host else {}),
            "lastStatus": self.last_status,
            "desiredStatus": self.desired_status,
            "healthStatus": self.health,
            "cpu": self.definition.cpu,
            "memory": self.definition.memory,
            "containers": [container],
            **self.times,
            **({"stopCode": self.stop_code, "stoppedReason": self.stopped_reason} if self.stop_code else {}),
            **self.more,
        }


def secret_values(container: dict, account: str, region: str) -> dict[str, str]:
    """The values of the secrets of a container, by the name of their variable."""
    return {one["name"]: secret_value(one["valueFrom"], account, region) for one in container.get("secrets") or []}


def secret_value(reference: str, account: str, region: str) -> str:
    """`arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME[:JSON_KEY[:VERSION_STAGE[:VERSION_ID]]]`"""
    parts = reference.split(":")
    arn, (key, stage, version) = ":".join(parts[:7]), (parts[7:] + ["", "", ""])[:3]
    try:
        found = secretsmanager_backends[account][region].get_secret_value(arn, version or None, stage or "AWSCURRENT")
        text = found["SecretString"]
        return json.loads(text)[key] if key else text
    except Exception as error:
        raise CannotStart(
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "
            f"unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret {arn} "
            f"from secrets manager: {type(error).__name__}: {error}"
        ) from None
