"""Devices lent to one cell at a time, by locks on files that every process of the machine sees.

A lease ends with the process that holds it, whatever ends that.
"""

from __future__ import annotations

import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from filelock import FileLock, Timeout

from advdistill.errors import ConfigError
from advdistill.gpus import Gpu, visible_devices

logger = logging.getLogger(__name__)

_STEP_SECONDS = 1.0
"""Between two looks for devices that have become free."""


@dataclass(frozen=True, kw_only=True)
class Lending:
    """The devices of this machine and how many cells may share one."""

    gpus: Sequence[Gpu]
    folder: Path
    """Where the locks are: on this machine, the same for all of the person's sweeps."""
    cells_per_gpu: int

    @contextmanager
    def lease(self, count: int) -> Iterator[Sequence[Gpu]]:
        """Yield so many devices once they are free; nobody else gets them meanwhile.

        Raises:
            ConfigError: there are not so many.
        """
        if count > len(self.gpus):
            raise ConfigError(
                f"sweep: a cell wants {count} GPUs and {len(self.gpus)} are visible here; wanted "
                "no more than there are; give sweep.gpus=NUMBER"
            )
        with ExitStack() as held:
            yield self._taken(count, held)

    def _taken(self, count: int, held: ExitStack) -> Sequence[Gpu]:
        """Return the devices, all of them or none: two that hold a part would wait for ever."""
        told = False
        while True:
            with ExitStack() as trying:
                found = list(islice(self._free(trying), count))
                if len(found) == count:
                    held.push(trying.pop_all())
                    return found
            if not told:
                logger.info("waiting for %d free of %d GPUs", count, len(self.gpus))
                told = True
            time.sleep(_STEP_SECONDS)

    def _free(self, held: ExitStack) -> Iterator[Gpu]:
        """Yield each device that has room, holding it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for gpu in self.gpus:
            if any(self._take(gpu, slot, held) for slot in range(self.cells_per_gpu)):
                yield gpu

    def _take(self, gpu: Gpu, slot: int, held: ExitStack) -> bool:
        try:
            lock = FileLock(self.folder / f"{gpu.uuid}.{slot}.lock").acquire(timeout=0)
        except Timeout:
            return False
        held.enter_context(lock)
        return True


def lending_here(
    cells_per_gpu: int, devices: Callable[[], Sequence[Gpu]] = visible_devices
) -> Lending:
    """Return what can be lent on this machine."""
    return Lending(gpus=devices(), folder=_runtime_folder() / "gpus", cells_per_gpu=cells_per_gpu)


def _runtime_folder() -> Path:
    """Return the person's own folder on this machine."""
    place = os.environ.get("XDG_RUNTIME_DIR")
    if place and Path(place).is_dir():
        return Path(place) / "advdistill"
    return Path(tempfile.gettempdir()) / f"advdistill-{os.getuid()}"
