"""Publishes the metrics of the GPUs of this container, and records a GPU that failed for the health check. A process of its own: the
entrypoint starts it beside the role. It ends with the container."""

import time

import nvml
from embedded_metrics import embedded_metrics
from settings import STATE, setting

UNITS = {
    "GpuUtilization": "Percent",
    "GpuMemoryUsed": "Bytes",
    "GpuMemoryTotal": "Bytes",
    "GpuTemperature": "None",
    "GpuPower": "None",
    "GpuEccErrors": "Count",
    "GpuXidErrors": "Count",
    "GpuErrors": "Count",
}

# File in STATE with the reason why the GPU failed. It stays until the container ends: a GPU with such an error works again only after a reset.
GPU_FAILED = "gpu-failed"

# Xid errors after which the GPU must be reset. Those of an application, such as 13, 31, and 43, are not here.
# https://docs.nvidia.com/deploy/xid-errors/analyzing-xid-catalog.html
FATAL_XIDS = {
    48: "uncorrected memory error",
    64: "a row of the memory could not be remapped",
    79: "the GPU has fallen off the bus",
    95: "uncontained memory error",
    119: "the GPU system processor does not respond",
    120: "error of the GPU system processor",
}


class Sampler:
    """The GPUs in one session of the driver, and the Xid errors since the last sample."""

    def __init__(self, session: nvml.Session):
        self._gpus, self._xids = session.gpus(), session.xids()
        self._seen: list[int] = []
        self._ecc = [gpu.ecc_errors() for gpu in self._gpus]

    def wait(self, seconds: float) -> None:
        """Waits, and collects Xid errors meanwhile."""
        deadline = time.monotonic() + seconds
        while (remaining := deadline - time.monotonic()) > 0:
            if not self._xids.is_supported:
                time.sleep(remaining)
            elif (xid := self._xids.wait(remaining)) is not None:
                self._seen.append(xid)
                if xid in FATAL_XIDS:
                    (STATE / GPU_FAILED).write_text(f"the GPU reported Xid {xid}: {FATAL_XIDS[xid]}")

    def sample(self) -> dict[str, float | list[float]]:
        """The metrics. Raises DriverUnavailable."""
        ecc = [gpu.ecc_errors() for gpu in self._gpus]
        new_ecc = [max(now - before, 0) if before is not None else 0 for now, before in zip(ecc, self._ecc) if now is not None]
        self._ecc = ecc
        seen, self._seen = self._seen, []
        memory = [found for gpu in self._gpus if (found := gpu.memory()) is not None]
        values = {
            "GpuUtilization": [gpu.utilization() for gpu in self._gpus],
            "GpuMemoryUsed": [one.used for one in memory],
            "GpuMemoryTotal": [one.total for one in memory],
            "GpuTemperature": [gpu.temperature() for gpu in self._gpus],
            "GpuPower": [gpu.power() for gpu in self._gpus],
            "GpuEccErrors": new_ecc,
        }
        known = {name: [one for one in several if one is not None] for name, several in values.items()}
        return {
            **{name: several for name, several in known.items() if several},
            **({"GpuXidErrors": len(seen)} if self._xids.is_supported else {}),
            "GpuErrors": sum(new_ecc) + sum(xid in FATAL_XIDS for xid in seen),
        }


def publish(values: dict[str, float | list[float]]) -> None:
    print(embedded_metrics(setting("METRICS_ROLE"), values, UNITS), flush=True)


def main() -> None:
    interval = float(setting("GPU_METRICS_EVERY_S"))
    while True:
        try:
            with nvml.session() as session:
                sampler = Sampler(session)
                while True:
                    sampler.wait(interval)
                    publish(sampler.sample())
        except nvml.DriverUnavailable:
            publish({"GpuErrors": 1})  # the health check reports the reason
            time.sleep(interval)


if __name__ == "__main__":
    main()
