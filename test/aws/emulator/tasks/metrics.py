"""CloudWatch metrics from log lines in the embedded metric format, as CloudWatch Logs extracts them.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

Container Insights publishes nothing here, as in AWS for a service without running tasks.
"""

import json
from datetime import UTC, datetime

from moto.cloudwatch.models import cloudwatch_backends
from moto.core.exceptions import ServiceException


def publish(lines: list[str], account: str, region: str) -> None:
    """Puts the metrics of log lines into moto's CloudWatch. Lines that are no valid metrics stay what they are: log lines."""
    for line in lines:
        if "CloudWatchMetrics" not in line:
            continue
        try:
            for namespace, datum in data(json.loads(line)):
                cloudwatch_backends[account][region].put_metric_data(namespace, [datum])
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, OSError, ServiceException):
            continue


def data(document: dict) -> list[tuple[str, dict]]:
    """The metrics of a document: namespace, and datum as for PutMetricData. Raises an error if the document is invalid."""
    timestamp = datetime.fromtimestamp(document["_aws"]["Timestamp"] / 1000, UTC).replace(tzinfo=None)  # moto's are naive, in UTC
    found = []
    for directive in document["_aws"]["CloudWatchMetrics"]:
        for names in directive["Dimensions"]:
            dimensions = [{"Name": name, "Value": text(document[name])} for name in names]
            for metric in directive["Metrics"]:
                value = document[metric["Name"]]
                values = [float(one) for one in (value if isinstance(value, list) else [value])]
                datum = {"MetricName": metric["Name"], "Dimensions": dimensions, "Timestamp": timestamp, "Unit": metric.get("Unit", "None")}
                found.append((directive["Namespace"], {**datum, "Values": values}))
    return found


def text(value) -> str:
    """The value of a dimension, which must be a string."""
    if not isinstance(value, str):
        raise TypeError("the value of a dimension is not a string")
    return value
