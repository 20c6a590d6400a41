"""Queries the NVIDIA driver through its own library. Needs no package, and creates no CUDA context, so it uses no GPU memory.
https://docs.nvidia.com/deploy/nvml-api/
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

# Values of nvmlReturn_t.
SUCCESS, NO_PERMISSION, TIMEOUT = 0, 4, 10
# A GPU with one of these needs an operator.
LOST = {15: "the GPU has fallen off the bus", 16: "the GPU must be reset"}

# Arguments of functions: nvmlTemperatureSensors_t, nvmlMemoryErrorType_t, nvmlEccCounterType_t, and the event type.
TEMPERATURE_GPU, UNCORRECTED, VOLATILE_ECC, XID_CRITICAL_ERROR = 0, 1, 0, 8


@dataclass(frozen=True)
class Driver:
    version: str
    gpus: int


class DriverUnavailable(Exception):
    """The NVIDIA driver is missing or does not work, or a GPU does not respond. The message gives the reason."""


class Utilization(ctypes.Structure):
    _fields_ = [("gpu", ctypes.c_uint), ("memory", ctypes.c_uint)]


class Memory(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in ("total", "free", "used")]


class Event(ctypes.Structure):
    _fields_ = [
        *(("device", ctypes.c_void_p), ("type", ctypes.c_ulonglong), ("data", ctypes.c_ulonglong)),
        *(("gpu_instance", ctypes.c_uint), ("compute_instance", ctypes.c_uint)),
    ]


class Gpu:
    """A GPU. A value is None if the GPU does not have it. Every method raises DriverUnavailable if the GPU does not respond."""

    def __init__(self, library: ctypes.CDLL, handle: ctypes.c_void_p):
        self._library, self._handle = library, handle

    def _read(self, function: str, result, *arguments: int):
        # An old driver does not have every function.
        call = getattr(self._library, function, None)
        code = call(self._handle, *arguments, ctypes.byref(result)) if call else None
        if code in LOST:
            raise DriverUnavailable(f"{LOST[code]} ({function} returned {code})")
        return result if code == SUCCESS else None

    def utilization(self) -> int | None:
        """Percentage of the time in which a kernel ran."""
        found = self._read("nvmlDeviceGetUtilizationRates", Utilization())
        return found.gpu if found is not None else None

    def memory(self) -> Memory | None:
        """Bytes."""
        return self._read("nvmlDeviceGetMemoryInfo", Memory())

    def temperature(self) -> int | None:
        """Degrees Celsius."""
        found = self._read("nvmlDeviceGetTemperature", ctypes.c_uint(), TEMPERATURE_GPU)
        return found.value if found is not None else None

    def power(self) -> float | None:
        """Watts."""
        found = self._read("nvmlDeviceGetPowerUsage", ctypes.c_uint())
        return found.value / 1000 if found is not None else None

    def ecc_errors(self) -> int | None:
        """Number of uncorrected memory errors since the driver was loaded."""
        found = self._read("nvmlDeviceGetTotalEccErrors", ctypes.c_ulonglong(), UNCORRECTED, VOLATILE_ECC)
        return found.value if found is not None else None


class Xids:
    """The Xid errors of some GPUs, from now on. Without support for events there are none."""

    def __init__(self, library: ctypes.CDLL, handles: list[ctypes.c_void_p]):
        self._library, self._set = library, ctypes.c_void_p()
        created = library.nvmlEventSetCreate(ctypes.byref(self._set)) == SUCCESS
        mask = ctypes.c_ulonglong(XID_CRITICAL_ERROR)
        registered = [library.nvmlDeviceRegisterEvents(handle, mask, self._set) == SUCCESS for handle in handles] if created else []
        self.is_supported = any(registered)

    def wait(self, seconds: float) -> int | None:
        """The next Xid error. None if there is none within this time. Raises DriverUnavailable if the GPU does not respond."""
        event = Event()
        code = self._library.nvmlEventSetWait_v2(self._set, ctypes.byref(event), ctypes.c_uint(int(seconds * 1000)))
        if code not in (SUCCESS, TIMEOUT):
            raise DriverUnavailable(f"{LOST.get(code, 'the GPU does not respond')} (nvmlEventSetWait returned {code})")
        return event.data if code == SUCCESS and event.type == XID_CRITICAL_ERROR else None


class Session:
    """Access to the driver."""

    def __init__(self, library: ctypes.CDLL):
        self._library = library

    def driver(self) -> Driver:
        text, count = ctypes.create_string_buffer(80), ctypes.c_uint()
        codes = self._library.nvmlSystemGetDriverVersion(text, 80), self._library.nvmlDeviceGetCount_v2(ctypes.byref(count))
        if codes != (SUCCESS, SUCCESS):
            raise DriverUnavailable("the NVIDIA driver does not report its version or the number of GPUs")
        return Driver(text.value.decode(), count.value)

    def _handles(self) -> list[ctypes.c_void_p]:
        """The GPUs of this container. The driver also counts those that the container may not use."""
        handles = []
        for index in range(self.driver().gpus):
            handle = ctypes.c_void_p()
            code = self._library.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(index), ctypes.byref(handle))
            if code == SUCCESS:
                handles.append(handle)
            elif code != NO_PERMISSION:
                reason = LOST.get(code, "the GPU does not respond")
                raise DriverUnavailable(f"{reason} (nvmlDeviceGetHandleByIndex returned {code})")
        return handles

    def gpus(self) -> list[Gpu]:
        return [Gpu(self._library, handle) for handle in self._handles()]

    def xids(self) -> Xids:
        return Xids(self._library, self._handles())


@contextmanager
def session() -> Iterator[Session]:
    """Raises DriverUnavailable. The environment variable NVML_LIBRARY replaces libnvidia-ml.so.1."""
    try:
        library = ctypes.CDLL(os.environ.get("NVML_LIBRARY", "libnvidia-ml.so.1"))
    except OSError:
        raise DriverUnavailable("no NVIDIA driver in this container (libnvidia-ml.so.1 not found)") from None
    if (code := library.nvmlInit_v2()) != SUCCESS:
        raise DriverUnavailable(f"{LOST.get(code, 'the NVIDIA driver does not respond')} (nvmlInit returned {code})")
    try:
        yield Session(library)
    finally:
        library.nvmlShutdown()


def driver() -> Driver:
    """The driver, and the number of GPUs. Raises DriverUnavailable, also if a GPU does not respond."""
    with session() as one:
        for gpu in one.gpus():
            gpu.memory()
        return one.driver()
