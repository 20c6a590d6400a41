"""Celery beat's default scheduler. It also records its ticks for the health check and publishes the metrics for scaling."""

from celery.beat import PersistentScheduler

from publisher import Publisher
from settings import STATE, setting


class TickingScheduler(PersistentScheduler):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.publisher = Publisher(self.app.conf.broker_transport_options) if setting("METRICS_NAMESPACE") else None

    def tick(self, *args, **kwargs):
        interval = super().tick(*args, **kwargs)
        (STATE / "tick").touch()
        return min(interval, self.publisher.tick()) if self.publisher else interval
