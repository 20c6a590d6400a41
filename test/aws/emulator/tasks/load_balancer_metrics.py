"""CloudWatch metrics of Application Load Balancers, with the dimensions that this project uses: the load balancer, and its target group.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html

A request is a value of its own, so that percentiles are exact. AWS publishes a minute some minutes later. Here, it is published at once.
"""

import threading
import time

from moto.cloudwatch.models import cloudwatch_backends
from moto.core.utils import utcnow

from .clock import shortened

NAMESPACE = "AWS/ApplicationELB"

# Seconds between two values of the number of healthy and unhealthy targets.
EVERY_S = 60

# What is not published yet: account, region, and datum.
WAITING: list[tuple[str, str, dict]] = []
LOCK = threading.Lock()

counted: dict[tuple[str, str], float] = {}  # time of the last host counts, by account and region


def answered(load_balancer: str, target_group: str, status: int, seconds: float) -> None:
    """A target has answered a request. `seconds`: from the request to the start of the response."""
    metrics = [("RequestCount", 1, "Count"), ("TargetResponseTime", seconds, "Seconds"), (f"HTTPCode_Target_{status // 100}XX_Count", 1, "Count")]
    for metric in metrics:
        add(load_balancer, target_group, *metric)
        add(load_balancer, None, *metric)


def not_answered(load_balancer: str, target_group: str) -> None:
    """The load balancer has answered a request itself, because no target did."""
    add(load_balancer, target_group, "RequestCount", 1, "Count")
    add(load_balancer, None, "RequestCount", 1, "Count")
    add(load_balancer, None, "HTTPCode_ELB_5XX_Count", 1, "Count")


def host_counts(load_balancer: str, target_group: str, healthy: int, unhealthy: int) -> None:
    add(load_balancer, target_group, "HealthyHostCount", healthy, "Count")
    add(load_balancer, target_group, "UnHealthyHostCount", unhealthy, "Count")


def is_minute(backend) -> bool:
    """Whether the host counts of a backend are due."""
    key = backend.account_id, backend.region_name
    if time.time() - counted.get(key, 0) < shortened(EVERY_S):
        return False
    counted[key] = time.time()
    return True


def add(load_balancer: str, target_group: str | None, name: str, value: float, unit: str) -> None:
    region, account, resource = load_balancer.split(":")[3:6]
    dimensions = [{"Name": "LoadBalancer", "Value": resource.removeprefix("loadbalancer/")}]
    if target_group:
        dimensions.append({"Name": "TargetGroup", "Value": target_group.split(":")[5]})
    datum = {"MetricName": name, "Dimensions": dimensions, "Timestamp": utcnow(), "Unit": unit, "Value": value}
    with LOCK:
        WAITING.append((account, region, datum))


def publish() -> None:
    """Puts what is not published yet into moto's CloudWatch."""
    with LOCK:
        waiting, WAITING[:] = list(WAITING), []
    for account, region, datum in waiting:
        cloudwatch_backends[account][region].put_metric_data(NAMESPACE, [datum])
