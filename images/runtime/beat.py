"""Celery beat's usual scheduler, with a sign of life for the health check."""

from celery.beat import PersistentScheduler

from settings import STATE


class TickingScheduler(PersistentScheduler):
    def tick(self, *args, **kwargs):
        interval = super().tick(*args, **kwargs)
        (STATE / "tick").touch()
        return interval
