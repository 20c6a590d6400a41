"""What the NVIDIA driver says, asked through its own library without any package."""

import ctypes
import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Driver:
    version: str
    gpus: int

    @property
    def branch(self) -> int:
        return int(self.version.split(".")[0])


class NoDriver(Exception):
    """There is no driver, or it does not work; the message says which."""


def driver() -> Driver:
    """Raises NoDriver. NVML_LIBRARY names another library than libnvidia-ml.so.1."""
    try:
        nvml = ctypes.CDLL(os.environ.get("NVML_LIBRARY", "libnvidia-ml.so.1"))
    except OSError:
        raise NoDriver("no NVIDIA driver in this container (libnvidia-ml.so.1 is not there)") from None
    if (code := nvml.nvmlInit_v2()) != 0:
        raise NoDriver(f"the NVIDIA driver does not answer (nvmlInit returned {code})")
    try:
        text, count = ctypes.create_string_buffer(80), ctypes.c_uint()
        if nvml.nvmlSystemGetDriverVersion(text, 80) != 0 or nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)) != 0:
            raise NoDriver("the NVIDIA driver does not say its version or its GPUs")
        return Driver(text.value.decode(), count.value)
    finally:
        nvml.nvmlShutdown()
