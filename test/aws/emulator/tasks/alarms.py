"""Metric alarms: their evaluation, their states, and their actions.

Auto Scaling actions act (`scaling`). All others, such as SNS topics, are only recorded in the history of the alarm. Left out: composite
alarms, anomaly detection, and alarms on Metrics Insights queries.
"""

import json
import math
import operator
import time
from datetime import UTC, datetime

from moto.cloudwatch.models import Alarm, CloudWatchBackend, MetricDatumBase, Statistics, cloudwatch_backends
from moto.core.utils import utcnow

from . import loop, scaling
from .clock import shortened
from .metric_math import Series, evaluate

# CloudWatch evaluates an alarm once a minute, and repeats its Auto Scaling actions then.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html
EVERY_S = 60

# Periods that CloudWatch looks back further than the evaluation periods if data points are missing. The example of the documentation has
# 2 for 3 evaluation periods. The real number varies.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
FURTHER_BACK = 2

# Real seconds that a data point may take from its time to moto. A period counts when it has been over for this time.
LATE_S = 0.5

COMPARISONS = {
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}

Key = tuple[str, str, frozenset]

# Number of the last evaluation of each alarm, by its ARN.
evaluated: dict[str, int] = {}

moto_put_metric_alarm = CloudWatchBackend.put_metric_alarm


def put_metric_alarm(self, *args, **kwargs) -> Alarm:
    """A new alarm has insufficient data (moto: OK). A changed alarm keeps its state."""
    with loop.LOCK:
        before = dict(self.alarms)
        alarm = moto_put_metric_alarm(self, *args, **kwargs)
        old = before.get(alarm.name)
        alarm.state_value = old.state_value if old else "INSUFFICIENT_DATA"
        if old:
            alarm.history, alarm.state_reason, alarm.state_reason_data = old.history, old.state_reason, old.state_reason_data
            alarm.state_updated_timestamp = old.state_updated_timestamp
        return alarm


CloudWatchBackend.put_metric_alarm = put_metric_alarm


def step() -> None:
    """Evaluates the alarms that are due."""
    now = time.time() - LATE_S
    number = math.floor(now / shortened(EVERY_S))
    for account in list(cloudwatch_backends):
        for backend in list(cloudwatch_backends[account].values()):
            due = [one for one in list(backend.alarms.values()) if one.rule is None and evaluated.get(one.alarm_arn) != number]
            data = by_metric(list(backend.metric_data)) if due else {}
            for alarm in due:
                evaluated[alarm.alarm_arn] = number
                look(backend, alarm, data, now)


def by_metric(data: list[MetricDatumBase]) -> dict[Key, list[MetricDatumBase]]:
    found: dict[Key, list] = {}
    for one in data:
        found.setdefault(key(one.namespace, one.name, one.dimensions), []).append(one)
    return found


def key(namespace: str, name: str, dimensions: list) -> Key:
    return namespace, name, frozenset((one.name, one.value) for one in dimensions)


def look(backend, alarm: Alarm, data: dict[Key, list], now: float) -> None:
    try:
        values = datapoints(alarm, data, now)
    except ValueError as error:
        return change(alarm, "INSUFFICIENT_DATA", f"The emulator cannot evaluate this alarm: {error}", [])
    state, reason = judge(alarm, values)
    changed = state != alarm.state_value
    if changed:
        change(alarm, state, reason, values)
    act(backend, alarm, [one for one in values if one is not None], changed)


def change(alarm: Alarm, state: str, reason: str, values: Series) -> None:
    if (alarm.state_value, alarm.state_reason) != (state, reason):
        recent = [one for one in values if one is not None][-int(alarm.evaluation_periods) :]
        alarm.update_state(reason, json.dumps({"version": "1.0", "recentDatapoints": recent, "threshold": alarm.threshold}), state)


def act(backend, alarm: Alarm, values: list[float], changed: bool) -> None:
    """The actions of the state: all of them on a change, and those of Auto Scaling for as long as the state stays."""
    by_state = {"ALARM": alarm.alarm_actions, "OK": alarm.ok_actions, "INSUFFICIENT_DATA": alarm.insufficient_data_actions}
    for action in by_state[alarm.state_value] or [] if alarm.actions_enabled else []:
        if changed:
            alarm.history.append(("Action", alarm.state_reason, action, alarm.state_value, utcnow()))
        if ":scalingPolicy:" in action:
            scaling.act(backend.account_id, backend.region_name, action, alarm, values[-int(alarm.evaluation_periods) :])


def datapoints(alarm: Alarm, data: dict[Key, list], now: float) -> Series:
    """The data points of the evaluation range, the oldest first."""
    if not alarm.metric_data_queries:
        found = data.get(key(alarm.namespace, alarm.metric_name, alarm.dimensions), [])
        return series(found, alarm.statistic or alarm.extended_statistic, alarm.unit, alarm, int(alarm.period), now)
    queries = {one.id: one for one in alarm.metric_data_queries}
    [returned] = [one for one in queries.values() if str(one.return_data).lower() == "true" or len(queries) == 1]
    period = max(int(one.metric_stat.period if one.metric_stat else one.period or EVERY_S) for one in queries.values())
    known: dict[str, Series] = {}
    for one in queries.values():
        if one.metric_stat:
            metric = one.metric_stat.metric
            found = data.get(key(metric.namespace, metric.metric_name, metric.dimensions), [])
            known[one.id] = series(found, one.metric_stat.stat, one.metric_stat.unit, alarm, period, now)
    # Expressions may use each other, in any order.
    waiting = [one for one in queries.values() if one.expression]
    while waiting:
        ready = next((one for one in waiting if not any(other.id in one.expression for other in waiting if other is not one)), waiting[0])
        known[ready.id] = evaluate(ready.expression, known, periods(alarm))
        waiting.remove(ready)
    return known[returned.id]


def periods(alarm: Alarm) -> int:
    return int(alarm.evaluation_periods) + FURTHER_BACK


def series(data: list[MetricDatumBase], statistic: str, unit: str | None, alarm: Alarm, period: int, now: float) -> Series:
    """The statistic of a metric for each period that is over."""
    length, count = shortened(period), periods(alarm)
    end = math.floor(now / length)
    slots: dict[int, list] = {}
    for one in data:
        number = math.floor(aware(one.timestamp).timestamp() / length) - end + count
        if 0 <= number < count and (not unit or one.unit == unit):
            slots.setdefault(number, []).append(one)
    return [value_of(slots[number], statistic) if number in slots else None for number in range(count)]


def aware(timestamp: datetime) -> datetime:
    return timestamp if timestamp.tzinfo else timestamp.replace(tzinfo=UTC)


def value_of(data: list[MetricDatumBase], statistic: str) -> float:
    if statistic.startswith("p"):
        return percentile([float(one.value) for one in data], float(statistic[1:]))
    statistics = Statistics([statistic], data[0].timestamp)
    statistics.metric_data = data
    value = statistics.get_statistics_for_type(statistic)
    if value is None:
        raise ValueError(f"statistic {statistic}")
    return float(value)


def percentile(values: list[float], percent: float) -> float:
    """The smallest value that is not exceeded by this percentage of the values."""
    return sorted(values)[max(math.ceil(len(values) * percent / 100), 1) - 1]


def judge(alarm: Alarm, values: Series) -> tuple[str, str]:
    """State and reason for the data points of the evaluation range.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
    """
    wanted = int(alarm.evaluation_periods)
    enough = int(alarm.datapoints_to_alarm or wanted)
    compare, words = COMPARISONS[alarm.comparison_operator]
    treat = alarm.treat_missing_data or "missing"
    real = [one for one in values if one is not None][-wanted:]
    missing = wanted - len(real)
    breaching = sum(compare(one, alarm.threshold) for one in real)
    if not missing or treat == "notBreaching":
        state = "ALARM" if breaching >= enough else "OK"
    elif treat == "breaching":
        state = "ALARM" if breaching + missing >= enough else "OK"
    elif not real:
        state = "INSUFFICIENT_DATA" if treat == "missing" else alarm.state_value
    elif breaching >= enough:
        state = "ALARM"
    elif breaching < len(real):
        state = "OK"
    else:
        # All data points breach, and there are too few. The documentation has the state ALARM if the oldest of them is old enough. It
        # does not say what else; the state is kept here.
        age = next((wanted - place for place, one in enumerate(values[-wanted:]) if one is not None), 0)
        state = "ALARM" if treat == "missing" and age >= enough else alarm.state_value
    if not real:
        filled = {"breaching": "Breaching", "notBreaching": "NonBreaching"}.get(treat)
        if not filled:
            return state, f"Insufficient Data: {wanted} datapoints were unknown."
        return state, (
            f"Threshold Crossed: no datapoints were received for {wanted} periods and {wanted} missing datapoints were treated as [{filled}]."
        )
    if state == "ALARM":
        return state, f"Threshold Crossed: {breaching} out of the last {wanted} datapoints {real} were {words} the threshold ({alarm.threshold})."
    return state, f"Threshold Crossed: {wanted - missing} datapoints {real} were not {words} the threshold ({alarm.threshold})."
