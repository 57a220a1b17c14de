"""What this machine computes with: two timings are compared only where it is alike."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advdistill.gpus import DRIVER, visible_devices

_PROCESSORS = Path("/proc/cpuinfo")


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """One device, as the driver tells of it."""

    name: str
    memory_bytes: int
    used_bytes: int


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """Processor, its cores that this process may use, and the visible GPUs by name."""

    processor: str
    cores: int
    gpus: tuple[str, ...]

    def __str__(self) -> str:
        """One line for people."""
        gpus = ", ".join(self.gpus) or "no GPU"
        return f"{self.cores} cores of {self.processor}, {gpus}"


def this_hardware() -> Hardware:
    """Return what this process computes with."""
    return Hardware(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        gpus=tuple(one.model for one in visible_devices()),
    )


def all_gpus() -> list[Gpu]:
    """Return the NVIDIA devices of this machine, hidden ones too; none without a driver."""
    if not DRIVER.exists():
        return []
    import pynvml  # only where the driver is

    nvml: Any = pynvml
    try:
        nvml.nvmlInit()
        devices = [nvml.nvmlDeviceGetHandleByIndex(n) for n in range(nvml.nvmlDeviceGetCount())]
        memories = [nvml.nvmlDeviceGetMemoryInfo(device) for device in devices]
        return [
            Gpu(
                name=str(nvml.nvmlDeviceGetName(device)),
                memory_bytes=int(memory.total),
                used_bytes=int(memory.used),
            )
            for device, memory in zip(devices, memories, strict=True)
        ]
    except pynvml.NVMLError:  # a container without the driver's library
        return []


def memory_bytes() -> int:
    """Return the main memory that is free for a new process."""
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _processor() -> str:
    if _PROCESSORS.exists():
        for line in _PROCESSORS.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
