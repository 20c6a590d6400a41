"""Instance refreshes that replace the GPU hosts of an Auto Scaling group.

New hosts start first. When they are ready, the tasks on the old hosts stop, and the old hosts end. The emulator stops a task on an old
host before it starts the replacement. ECS starts the replacement first, if the maximum percent of the service allows it.
"""

import instance_refreshes
from moto.autoscaling.models import FakeAutoScalingGroup
from moto.autoscaling.responses import AutoScalingResponse

from . import loop
from .hosts import fault, launch_template_of


def step() -> None:
    """One step of each refresh."""
    for name, group in loop.GROUPS.items():
        refresh = instance_refreshes.active(name)
        if not refresh or not group.group:
            continue
        if refresh.status == "Pending":
            refresh.set("InProgress")
        elif refresh.status == "InProgress":
            replace(group, refresh)
        else:
            undo(group, refresh)


def replace(group, refresh) -> None:
    wanted = launch_template_of(refresh.policy)
    old = [host for host in group.hosts if host.template != wanted]
    new = [host for host in group.hosts if host.template == wanted]
    refresh.remaining = len(old)
    if not old:
        return refresh.succeed()
    found = fault(group.account, group.region)
    if len(new) < len(old) and not any(host.is_draining for host in old):
        return group.request(found, refresh.policy)
    if not all(host.is_ready for host in new):
        return
    if found.get("mode") == "unhealthy":
        return refresh.fail(f"Instance refresh failed: {found['reason']}")
    for host in old:
        host.is_draining = True
        for task in host.tasks:
            task.stop("ServiceSchedulerInitiated", "Task stopped because its container instance is DRAINING")
        if not any(task.is_live for task in host.tasks):
            group.end(host)
    refresh.percentage = 100 * len(new) // (len(new) + sum(host in group.hosts for host in old))


def undo(group, refresh) -> None:
    wanted = launch_template_of(refresh.policy)
    for host in list(group.hosts):
        host.is_draining = False
        if host.template == wanted:
            group.end(host)
    refresh.set("RollbackSuccessful")


def listed(host, zone: str) -> dict:
    """A host, as DescribeAutoScalingGroups lists an instance."""
    template, version = host.template
    return {
        "InstanceId": host.id,
        "InstanceType": host.instance_type,
        "AvailabilityZone": zone,
        "LifecycleState": "InService" if host.is_ready else "Pending",
        "HealthStatus": "Healthy",
        "LaunchTemplate": {"LaunchTemplateId": template, "Version": version},
        "ProtectedFromScaleIn": bool(host.tasks),
    }


def instances(self) -> list:
    group = loop.GROUPS.get(self.name)
    return [listed(host, self.availability_zones[0]) for host in group.hosts] if group else self.instance_states


FakeAutoScalingGroup.instances = property(instances)

# The loop replaces the hosts.
instance_refreshes.advance = lambda refresh: None
loop.STEPS.append(step)


def locked(handler):
    """A call of the API that holds the lock."""

    def call(self):
        with loop.LOCK:
            return handler(self)

    return call


for name in ("start_instance_refresh", "rollback_instance_refresh", "describe_instance_refreshes", "describe_auto_scaling_groups"):
    setattr(AutoScalingResponse, name, locked(getattr(AutoScalingResponse, name)))
