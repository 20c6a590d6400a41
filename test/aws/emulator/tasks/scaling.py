"""Application Auto Scaling: step scaling of the desired count of ECS services.
https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html

Left out: target tracking and scheduled actions. A cooldown starts with the change of the desired count, and not when its tasks run.
"""

import json
import math
import time
import uuid
from dataclasses import dataclass

from moto.applicationautoscaling.models import applicationautoscaling_backends
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.ecs.models import ecs_backends

from . import loop
from .clock import shortened

# Cooldown of a policy without one. https://docs.aws.amazon.com/autoscaling/application/APIReference/API_StepScalingPolicyConfiguration.html
DEFAULT_COOLDOWN_S = 300

AGGREGATIONS = {"Maximum": max, "Minimum": min, "Average": lambda values: sum(values) / len(values)}


@dataclass
class Cooldown:
    until: float
    direction: int  # 1: out, -1: in
    base: int  # the capacity before the change


cooldowns: dict[str, Cooldown] = {}  # by the resource
activities: list[dict] = []  # the newest first


def act(account: str, region: str, policy_arn: str, alarm, values: list[float]) -> None:
    """What the policy does for an alarm with these data points, the oldest first."""
    backend = applicationautoscaling_backends[account][region]
    policy = next((one for one in backend.policies.values() if one.policy_arn == policy_arn), None)
    target = backend.targets.get(policy.scalable_dimension, {}).get(policy.resource_id) if policy else None
    if not target or policy.policy_type != "StepScaling" or policy.scalable_dimension != "ecs:service:DesiredCount":
        return
    ecs = ecs_backends[account][region]
    service = ecs.services.get(":".join(policy.resource_id.split("/")[1:]))
    if not service or service.status != "ACTIVE" or not values:
        return
    configuration = policy.step_scaling_policy_configuration
    excess = AGGREGATIONS[configuration.get("MetricAggregationType") or "Average"](values) - float(alarm.threshold)
    adjustment = next((one["ScalingAdjustment"] for one in configuration["StepAdjustments"] if applies(one, excess)), None)
    if adjustment is None:
        return
    wanted = capacity(policy.resource_id, configuration, adjustment, service.desired_count)
    wanted = min(max(wanted, target.min_capacity), target.max_capacity)
    direction = wanted - service.desired_count
    suspended = target.suspended_state or {}
    if not direction or suspended.get("DynamicScalingOutSuspended" if direction > 0 else "DynamicScalingInSuspended"):
        return
    start_cooldown(policy.resource_id, configuration, service.desired_count, 1 if direction > 0 else -1)
    record(policy, alarm, wanted)
    service.desired_count = wanted
    loop.scheduler(ecs, service).reconcile()


def applies(step: dict, excess: float) -> bool:
    """Whether a step is for a metric that exceeds the threshold by `excess`. The bound nearer to the threshold belongs to the step.
    https://docs.aws.amazon.com/autoscaling/application/APIReference/API_StepAdjustment.html
    """
    lower, upper = (step.get(f"MetricInterval{side}Bound") for side in ("Lower", "Upper"))
    lower = -math.inf if lower is None else float(lower)
    upper = math.inf if upper is None else float(upper)
    return lower <= excess < upper if excess >= 0 else lower < excess <= upper


def capacity(resource: str, configuration: dict, adjustment: int, current: int) -> int:
    """The capacity that a step wants. During a cooldown, a step of the same direction adds only what it has more than the previous one,
    and nothing is removed.
    """
    cooldown = cooldowns.get(resource)
    if not cooldown or cooldown.until <= time.time():
        return adjusted(configuration, adjustment, current)
    wanted = adjusted(configuration, adjustment, current)
    if wanted > current:
        return max(adjusted(configuration, adjustment, cooldown.base), current) if cooldown.direction > 0 else wanted
    return current if cooldown.direction < 0 else wanted


def adjusted(configuration: dict, adjustment: int, current: int) -> int:
    match configuration["AdjustmentType"]:
        case "ExactCapacity":
            return adjustment
        case "ChangeInCapacity":
            return max(current + adjustment, 0)
    change = current * adjustment / 100
    least = max(int(configuration.get("MinAdjustmentMagnitude") or 1), 1)
    # Rounded towards 0, but at least by 1.
    return max(current + int(math.copysign(max(math.floor(abs(change)), least), adjustment)), 0) if change else current


def start_cooldown(resource: str, configuration: dict, before: int, direction: int) -> None:
    old, now = cooldowns.get(resource), time.time()
    more = old is not None and old.until > now and old.direction == direction
    seconds = configuration.get("Cooldown")
    until = now + shortened(DEFAULT_COOLDOWN_S if seconds is None else int(seconds))
    cooldowns[resource] = Cooldown(until, direction, old.base if more else before)


def record(policy, alarm, wanted: int) -> None:
    now = time.time()
    activity = {
        "ActivityId": str(uuid.uuid4()),
        "ServiceNamespace": policy.service_namespace,
        "ResourceId": policy.resource_id,
        "ScalableDimension": policy.scalable_dimension,
        "Description": f"Setting desired count to {wanted}.",
        "Cause": f"monitor alarm {alarm.name} in state {alarm.state_value} triggered policy {policy.policy_name}",
        "StartTime": now,
        "EndTime": now,
        "StatusCode": "Successful",
        "StatusMessage": f"Successfully set desired count to {wanted}. Change successfully fulfilled by ecs.",
    }
    activities.insert(0, activity)


def describe_scaling_activities(self):
    """The changes of the desired counts, the newest first. moto lacks this call."""
    resource = self._get_param("ResourceId")
    with loop.LOCK:
        return json.dumps({"ScalingActivities": [one for one in activities if not resource or one["ResourceId"] == resource]})


ApplicationAutoScalingResponse.describe_scaling_activities = describe_scaling_activities
