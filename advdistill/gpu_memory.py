"""Measures whether an engine that has ended gave the memory of its GPUs back."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from advdistill.gpus import DRIVER, handles_of

logger = logging.getLogger(__name__)

_SLACK_BYTES = 512 << 20
"""More than this above what was used before is memory that was not given back."""
_PATIENCE_SECONDS = 10.0
"""For the driver to take back what a killed process had."""
_STEP_SECONDS = 0.2


class Gpus(Protocol):
    """The devices that an engine may use."""

    def used(self) -> Sequence[int]:
        """Return the bytes in use on each, by whomever."""
        ...

    def processes(self, place: int) -> Sequence[int]:
        """Return the process ids that compute on the device at this place of `used`."""
        ...


@contextmanager
def given_back(gpus: Gpus, *, patience_seconds: float = _PATIENCE_SECONDS) -> Iterator[None]:
    """Wait, after the block, until its GPU memory is free; warn of what is not, and who has it.

    A stop by a person is not held up.
    """
    before = gpus.used()
    try:
        yield
    except Exception:
        _wait(gpus, before, patience_seconds)
        raise
    _wait(gpus, before, patience_seconds)


def visible_gpus() -> Gpus:
    """Return the NVIDIA devices that CUDA may use here; none where nothing can be measured."""
    if not DRIVER.exists():
        return _NoGpus()
    from pynvml import NVMLError  # only where the driver is

    try:
        gpus = _NvidiaGpus(os.environ.get("CUDA_VISIBLE_DEVICES"))
        gpus.used()
    except NVMLError as error:  # a container without its library, or a device that does not say
        logger.warning("whether GPU memory is given back is not measured: %s", error)
        return _NoGpus()
    return gpus


def _wait(gpus: Gpus, before: Sequence[int], patience_seconds: float) -> None:
    until = time.monotonic() + patience_seconds
    while kept := _kept(gpus, before):
        if time.monotonic() >= until:
            _warn(gpus, kept)
            return
        time.sleep(_STEP_SECONDS)


def _kept(gpus: Gpus, before: Sequence[int]) -> dict[int, int]:
    """Return by device how many bytes more than before are in use, where they are too many."""
    more = [now - then for now, then in zip(gpus.used(), before, strict=True)]
    return {place: count for place, count in enumerate(more) if count > _SLACK_BYTES}


def _warn(gpus: Gpus, kept: dict[int, int]) -> None:
    for place, count in kept.items():
        pids = ", ".join(map(str, gpus.processes(place))) or "none that can be seen"
        logger.warning(
            "GPU %d: %d bytes more are in use than before the engine started, though it has ended; "
            "processes that compute there: %s; end them if they are left over",
            *(place, count, pids),
        )


class _NoGpus:
    def used(self) -> Sequence[int]:
        return []

    def processes(self, place: int) -> Sequence[int]:
        raise NotImplementedError


class _NvidiaGpus:
    def __init__(self, visible: str | None) -> None:
        import pynvml

        self._nvml: Any = pynvml
        pynvml.nvmlInit()
        self._devices = handles_of(pynvml, visible)

    def used(self) -> Sequence[int]:
        return [int(self._nvml.nvmlDeviceGetMemoryInfo(device).used) for device in self._devices]

    def processes(self, place: int) -> Sequence[int]:
        found = self._nvml.nvmlDeviceGetComputeRunningProcesses(self._devices[place])
        return sorted(process.pid for process in found)
