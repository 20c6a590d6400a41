"""Warnings about a condition that may last for a long time."""

import logging
import time

INTERVAL_S = 60


class RateLimitedLog:
    """Writes at most one warning per minute."""

    def __init__(self, name: str) -> None:
        self._log = logging.getLogger(name)
        self._next = 0.0

    def warning(self, line: str) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + INTERVAL_S
            self._log.warning(line)
