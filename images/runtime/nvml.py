"""Queries the NVIDIA driver through its own library. Needs no package."""

import ctypes
import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Driver:
    version: str
    gpus: int


class DriverUnavailable(Exception):
    """The NVIDIA driver is missing or does not work. The message gives the reason."""


def driver() -> Driver:
    """Raises DriverUnavailable. The environment variable NVML_LIBRARY replaces libnvidia-ml.so.1."""
    try:
        nvml = ctypes.CDLL(os.environ.get("NVML_LIBRARY", "libnvidia-ml.so.1"))
    except OSError:
        raise DriverUnavailable("no NVIDIA driver in this container (libnvidia-ml.so.1 not found)") from None
    if (code := nvml.nvmlInit_v2()) != 0:
        raise DriverUnavailable(f"the NVIDIA driver does not respond (nvmlInit returned {code})")
    try:
        text, count = ctypes.create_string_buffer(80), ctypes.c_uint()
        if nvml.nvmlSystemGetDriverVersion(text, 80) != 0 or nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)) != 0:
            raise DriverUnavailable("the NVIDIA driver does not report its version or the number of GPUs")
        return Driver(text.value.decode(), count.value)
    finally:
        nvml.nvmlShutdown()
