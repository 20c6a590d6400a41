"""GPU hosts: instances of the Auto Scaling group of a capacity provider, which start when a task waits for them and end when they are empty.

The SSM parameter `/emulator/hosts` sets a fault, in JSON:
  {"mode": "refuse", "reason": "..."}   no host starts; the reason is the status message of a failed scaling activity
  {"mode": "die"}                       all hosts end now, and the tasks on them
  {"mode": "unhealthy", "reason": "..."}  the new hosts of an instance refresh fail their status checks
"""

import json
import time
import uuid
from dataclasses import dataclass, field

from moto.autoscaling.models import autoscaling_backends
from moto.core.utils import utcnow
from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto.ssm.models import ssm_backends

from host_images import container_instance, image_of, image_of_template

from .clock import shortened

# Seconds from the request of a host to its registration in the cluster, and for which an empty host stays. In AWS, 5 to
# 10 minutes pass before a GPU host runs a task.
START_S, IDLE_S = shortened(300), shortened(600)


def fault(account: str, region: str) -> dict:
    parameter = ssm_backends[account][region]._parameters.get("/emulator/hosts")
    return json.loads(parameter[-1].value) if parameter else {}


@dataclass
class Host:
    instance_type: str
    template: tuple[str, str] = ("", "")  # ID and version of its launch template
    image: str = ""  # ID of its AMI
    requested: float = field(default_factory=time.time)
    id: str = field(default_factory=lambda: f"i-{uuid.uuid4().hex[:17]}")
    tasks: list = field(default_factory=list)
    empty_since: float = field(default_factory=time.time)
    is_draining: bool = False

    @property
    def is_ready(self) -> bool:
        return time.time() - self.requested >= START_S

    def listed(self, arn: str, zone: str) -> dict:
        """The container instance as DescribeContainerInstances returns it. GPUs are a set of IDs.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Resource.html"""
        gpus = [f"GPU-{self.id}-{number}" for number in range(resources(self.instance_type)["gpus"])]
        free = gpus[sum(needs(task)["gpus"] for task in self.tasks if task.is_live) :]
        return container_instance(
            arn,
            self.image,
            ec2InstanceId=self.id,
            status="DRAINING" if self.is_draining else "ACTIVE",
            runningTasksCount=sum(task.last_status == "RUNNING" for task in self.tasks),
            registeredResources=[{"name": "GPU", "type": "STRINGSET", "stringSetValue": gpus}],
            remainingResources=[{"name": "GPU", "type": "STRINGSET", "stringSetValue": free}],
            attributes={"ecs.instance-type": self.instance_type, "ecs.availability-zone": zone},
        )

    def fits(self, task) -> bool:
        return not self.is_draining and all(
            sum(needs(one)[kind] for one in [*self.tasks, task]) <= available for kind, available in resources(self.instance_type).items()
        )


def launch_template_of(policy: dict) -> tuple[str, str]:
    """ID and version of the launch template of a mixed instances policy."""
    specification = policy["LaunchTemplate"]["LaunchTemplateSpecification"]
    return specification["LaunchTemplateId"], str(specification["Version"])


def resources(instance_type: str) -> dict[str, int]:
    """What an instance type has for tasks. 1024 CPU units are one vCPU."""
    found = INSTANCE_TYPES[instance_type]
    gpus = sum(one["Count"] for one in found.get("GpuInfo", {}).get("Gpus", []))
    return {"cpu": found["VCpuInfo"]["DefaultVCpus"] * 1024, "memory": found["MemoryInfo"]["SizeInMiB"], "gpus": gpus}


def needs(task) -> dict[str, int]:
    gpus = sum(int(one["value"]) for one in task.container.get("resourceRequirements") or [] if one["type"] == "GPU")
    return {"cpu": int(task.definition.cpu or 0), "memory": int(task.definition.memory or 0), "gpus": gpus}


class Group:
    """The hosts of an Auto Scaling group, with managed scaling to a target capacity of 100 %."""

    def __init__(self, account: str, region: str, name: str):
        self.account, self.region, self.name = account, region, name
        self.hosts: list[Host] = []
        self.activities: list[dict] = []  # the newest first

    @property
    def group(self):
        return autoscaling_backends[self.account][self.region].autoscaling_groups.get(self.name)

    def instance_type(self, policy: dict) -> str:
        overrides = (policy.get("LaunchTemplate") or {}).get("Overrides") or []
        return next((one["InstanceType"] for one in overrides if "InstanceType" in one), None) or self.group.instance_type

    def place(self, waiting: list) -> list:
        """Places tasks on hosts that are ready. Returns the tasks that were placed."""
        placed = []
        for task in waiting:
            host = next((one for one in self.hosts if one.is_ready and one.fits(task)), None)
            if host:
                host.tasks.append(task)
                task.host = host
                placed.append(task)
        return placed

    def scale(self, waiting: list) -> None:
        found = fault(self.account, self.region)
        if found.get("mode") == "die":
            for host in list(self.hosts):
                self.end(host)
        for host in self.hosts:
            host.tasks = [task for task in host.tasks if task.is_live]
            if host.tasks:
                host.empty_since = time.time()
        starting = [host for host in self.hosts if not host.is_ready]
        if len(waiting) > len(starting) and len(self.hosts) < self.group.max_size:
            self.request(found)
        elif not waiting:
            for host in [one for one in self.hosts if not one.tasks and time.time() - max(one.empty_since, one.requested + START_S) > IDLE_S]:
                self.end(host)
        self.group.desired_capacity = len(self.hosts)

    def request(self, found: dict, policy: dict | None = None) -> None:
        """Starts a host. `policy`: of an instance refresh. Default: the policy of the group."""
        if found.get("mode") == "refuse":
            latest = self.activities[0] if self.activities else None
            if not latest or latest["StatusMessage"] != found["reason"]:
                self.record("Failed", f"Launching a new EC2 instance. Status Reason: {found['reason']}", found["reason"])
            return
        policy = policy or self.group.mixed_instances_policy
        template = launch_template_of(policy) if policy else ("", "")
        image = image_of_template(self.account, self.region, *template) if policy else image_of(self.account, self.region, self.name)
        host = Host(self.instance_type(policy or {}), template, image)
        self.hosts.append(host)
        self.record("Successful", f"Launching a new EC2 instance: {host.id}", "")

    def end(self, host: Host) -> None:
        self.hosts.remove(host)
        self.record("Successful", f"Terminating EC2 instance: {host.id}", "")
        for task in host.tasks:
            if task.is_live:
                task.lose(f"Host EC2 (instance {host.id}) terminated.")

    def record(self, status: str, description: str, message: str) -> None:
        now = utcnow()
        activity = {
            "ActivityId": str(uuid.uuid4()),
            "AutoScalingGroupName": self.name,
            "Description": description,
            "Cause": "an instance was started or terminated in response to a difference between desired and actual capacity.",
            "StartTime": now,
            "EndTime": now,
            "StatusCode": status,
            "StatusMessage": message,
            "Progress": 100,
            "Details": json.dumps({"Availability Zone": self.group.availability_zones[0]}),
        }
        self.activities.insert(0, activity)
