"""Celery beat's default scheduler. It also records its ticks for the health check and publishes the backlog for scaling."""

from celery.beat import PersistentScheduler

from backlog import Publisher
from settings import STATE, setting


class TickingScheduler(PersistentScheduler):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.publisher = Publisher() if setting("BACKLOG_NAMESPACE") else None

    def tick(self, *args, **kwargs):
        interval = super().tick(*args, **kwargs)
        (STATE / "tick").touch()
        return min(interval, self.publisher.tick()) if self.publisher else interval
