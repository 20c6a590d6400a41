"""The one factor for the times that the emulator owns: periods of alarms, cooldowns, starts and ends of hosts.

`EMULATOR_SPEED=10` makes them 10 times as short as in AWS. Times that the engine or a task owns stay as they are: health checks,
stop timeouts, the expiry of task protection, and how often a task publishes a metric.
"""

import os

SPEED = float(os.environ.get("EMULATOR_SPEED") or 1)


def shortened(seconds: float) -> float:
    """Real seconds for seconds in AWS."""
    return seconds / SPEED
