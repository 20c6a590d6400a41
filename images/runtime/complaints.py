"""Trouble that may go on for long, said in one line and not too often."""

import logging
import time

EVERY_S = 60


class Complaints:
    def __init__(self, name: str) -> None:
        self._log = logging.getLogger(name)
        self._next = 0.0

    def say(self, line: str) -> None:
        """Logs a warning, unless there was one within the last minute."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + EVERY_S
            self._log.warning(line)
