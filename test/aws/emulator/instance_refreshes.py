"""Instance refreshes of Auto Scaling groups, which moto lacks.

Pending, InProgress, then Successful; or, with a reason, RollbackInProgress and RollbackSuccessful (without AutoRollback: Failed).
The group gets the desired configuration when its refresh is successful. Without tasks, a group has no instances, and a refresh is
successful at once. `tasks.host_refreshes` replaces the hosts.
"""

import copy
import uuid

from moto.autoscaling.exceptions import AutoscalingClientError, ValidationError
from moto.autoscaling.responses import AutoScalingResponse as Response
from moto.core.responses import ActionResult
from moto.core.utils import utcnow

ACTIVE = {"Pending", "InProgress", "RollbackInProgress"}

# By the name of the group, the newest first.
REFRESHES: dict[str, list["Refresh"]] = {}


class Refresh:
    def __init__(self, group, policy: dict | None, preferences: dict):
        self.group, self.policy, self.preferences = group, policy, preferences
        self.id, self.status, self.reason = str(uuid.uuid4()), "Pending", ""
        self.started, self.ended = utcnow(), None
        self.percentage, self.remaining = 0, 0

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE

    def set(self, status: str, reason: str = "") -> None:
        self.status, self.reason = status, reason or self.reason
        self.ended = None if self.is_active else utcnow()

    def fail(self, reason: str) -> None:
        self.set("RollbackInProgress" if self.preferences.get("AutoRollback") else "Failed", reason)

    def succeed(self) -> None:
        if self.policy:
            self.group.mixed_instances_policy = copy.deepcopy(self.policy)
            self.group._set_launch_configuration("", {}, self.group.mixed_instances_policy)
        self.percentage, self.remaining = 100, 0
        self.set("Successful")

    def listed(self) -> dict:
        return {
            "InstanceRefreshId": self.id,
            "AutoScalingGroupName": self.group.name,
            "Status": self.status,
            "StatusReason": self.reason,
            "StartTime": self.started,
            **({"EndTime": self.ended} if self.ended else {}),
            "PercentageComplete": self.percentage,
            "InstancesToUpdate": self.remaining,
            "Preferences": self.preferences,
            **({"DesiredConfiguration": {"MixedInstancesPolicy": self.policy}} if self.policy else {}),
        }


def advance(refresh: Refresh) -> None:
    """One step of a refresh of a group without instances."""
    if refresh.status == "RollbackInProgress":
        refresh.set("RollbackSuccessful")
    elif refresh.status == "Pending":
        refresh.set("InProgress")
    else:
        refresh.succeed()


def active(name: str) -> Refresh | None:
    return next((one for one in REFRESHES.get(name, []) if one.is_active), None)


def start_instance_refresh(self):
    name, preferences = self._get_param("AutoScalingGroupName"), self._get_param("Preferences", {})
    policy = (self._get_param("DesiredConfiguration", {}) or {}).get("MixedInstancesPolicy")
    group = self.autoscaling_backend.autoscaling_groups.get(name)
    if not group:
        raise ValidationError("AutoScalingGroup name not found - no such group")
    if active(name):
        raise AutoscalingClientError("InstanceRefreshInProgress", "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh.")
    if preferences.get("AutoRollback") and not policy:
        # Quoted in https://github.com/hashicorp/terraform-provider-aws/issues/29830
        raise ValidationError("The AutoRollback parameter cannot be set to true when the DesiredConfiguration parameter is empty.")
    refresh = Refresh(group, policy, preferences)
    REFRESHES.setdefault(name, []).insert(0, refresh)
    return ActionResult({"InstanceRefreshId": refresh.id})


def describe_instance_refreshes(self):
    name, ids = self._get_param("AutoScalingGroupName"), self._get_param("InstanceRefreshIds", [])
    if refresh := active(name):
        advance(refresh)
    found = [one.listed() for one in REFRESHES.get(name, []) if not ids or one.id in ids]
    return ActionResult({"InstanceRefreshes": found})


def rollback_instance_refresh(self):
    refresh = active(self._get_param("AutoScalingGroupName"))
    if not refresh or not refresh.policy:
        raise AutoscalingClientError("ActiveInstanceRefreshNotFound", "No in progress or pending Instance Refresh found.")
    refresh.set("RollbackInProgress", "Rollback requested")
    return ActionResult({"InstanceRefreshId": refresh.id})


for handler in (start_instance_refresh, describe_instance_refreshes, rollback_instance_refresh):
    setattr(Response, handler.__name__, handler)
