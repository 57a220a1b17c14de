"""The NVIDIA devices that CUDA may use here, asked of the driver: torch is not imported for it."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

DRIVER = Path("/dev/nvidiactl")


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """A device."""

    uuid: str
    """As CUDA_VISIBLE_DEVICES takes it, the same in every process of the machine."""
    model: str


def visible_devices() -> list[Gpu]:
    """Return the devices that CUDA_VISIBLE_DEVICES leaves visible; none without a driver."""
    nvml = _nvml()
    if nvml is None:
        return []
    return [
        Gpu(uuid=nvml.nvmlDeviceGetUUID(handle), model=nvml.nvmlDeviceGetName(handle))
        for handle in handles_of(nvml, os.environ.get("CUDA_VISIBLE_DEVICES"))
    ]


def joules_used() -> list[float] | None:
    """Return what each visible device has used since its driver was loaded.

    None without a device, and where one does not count (before Volta, some virtual ones).
    """
    nvml = _nvml()
    if nvml is None:
        return None
    handles = handles_of(nvml, os.environ.get("CUDA_VISIBLE_DEVICES"))
    try:
        millijoules = [nvml.nvmlDeviceGetTotalEnergyConsumption(handle) for handle in handles]
    except nvml.NVMLError:
        return None
    return [count / 1000 for count in millijoules] or None


def handles_of(nvml: Any, visible: str | None) -> list[Any]:
    """Return the driver's handle of each device that CUDA_VISIBLE_DEVICES leaves visible."""
    return [_handle(nvml, name) for name in _names(visible, nvml.nvmlDeviceGetCount())]


def _handle(nvml: Any, name: str) -> Any:
    if name.isdigit():
        return nvml.nvmlDeviceGetHandleByIndex(int(name))
    return nvml.nvmlDeviceGetHandleByUUID(name)


def _names(visible: str | None, count: int) -> Sequence[str]:
    """Return the index or UUID of each device that CUDA_VISIBLE_DEVICES leaves visible."""
    if visible is None:
        return [str(number) for number in range(count)]
    names = (name.strip() for name in visible.split(","))
    return list(takewhile(lambda name: name and name != "-1", names))  # as CUDA reads it


def _nvml() -> Any:
    """Return the driver's library, ready; None where there is none."""
    if not DRIVER.exists():
        return None
    import pynvml  # only where the driver is

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:  # a container without its library
        logger.warning("the GPUs cannot be asked about: %s", error)
        return None
    return pynvml
