"""CloudWatch metrics as log lines in the embedded metric format. CloudWatch Logs extracts metrics from them, so the task needs no permission
and makes no API call:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import time
from collections.abc import Mapping, Sequence

from settings import setting


def embedded_metrics(role: str, values: Mapping[str, float | Sequence[float]], units: Mapping[str, str]) -> str:
    """The log line of the metrics of a role. A list of values has one for each GPU."""
    metrics = [{"Name": name, "Unit": units[name]} for name in values]
    directive = {"Namespace": setting("METRICS_NAMESPACE"), "Dimensions": [["Stack", "Role"]], "Metrics": metrics}
    metadata = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
    return json.dumps({"_aws": metadata, "Stack": setting("METRICS_STACK"), "Role": role, **values})
