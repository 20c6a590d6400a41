"""The alarms of a deployment of a service.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html
"""

import time

from moto.cloudwatch.models import cloudwatch_backends

from .clock import shortened

# Seconds for which the deployment stays in progress after its alarms could have seen all requests to the new tasks. AWS says only that the
# bake time is less than 5 minutes by default, and that it depends on the configuration of the alarms.
BAKE_MARGIN_S = 120

# The event of a real deployment has these words: "(deployment ID) deployment failed: alarm detected."
REASON = "alarm detected."


class DeploymentAlarms:
    """The alarms of one deployment, which starts now. `service`: the service of moto."""

    def __init__(self, service):
        configuration = (getattr(service, "deployment_configuration", None) or {}).get("alarms") or {}
        region, account = service.arn.split(":")[3:5]
        self._alarms = cloudwatch_backends[account][region].alarms
        self.names: list[str] = configuration.get("alarmNames") or [] if configuration.get("enable") else []
        self.rolls_back: bool = configuration.get("rollback", False)
        # An alarm that is in ALARM now turns off all alarms of this deployment.
        self.is_ignored = bool(self._in_alarm())
        self.triggered: list[str] = []
        self._steady_since: float | None = None

    def _in_alarm(self) -> list[str]:
        return [name for name in self.names if name in self._alarms and self._alarms[name].state_value == "ALARM"]

    @property
    def _is_on(self) -> bool:
        return bool(self.names) and not self.is_ignored

    def look(self) -> bool:
        """Whether an alarm fails the deployment now."""
        if self._is_on:
            self.triggered = self._in_alarm()
        return bool(self.triggered)

    def is_baked(self) -> bool:
        """Whether the bake time is over. The first call starts it."""
        if not self._is_on:
            return True
        self._steady_since = self._steady_since or time.time()
        known = [self._alarms[name] for name in self.names if name in self._alarms]
        evaluation = max((int(one.period) * int(one.evaluation_periods) for one in known), default=0)
        return time.time() - self._steady_since >= shortened(evaluation + BAKE_MARGIN_S)

    def listed(self, is_over: bool) -> dict:
        """As DescribeServiceDeployments returns it."""
        status = "TRIGGERED" if self.triggered else "MONITORING_COMPLETE" if is_over else "MONITORING"
        triggered = {"triggeredAlarmNames": self.triggered} if self.triggered else {}
        return {"status": status if self._is_on else "DISABLED", "alarmNames": self.names, **triggered}
