"""What a piece of work took: seconds, and the energy of the GPUs that it could see."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from advdistill.gpus import joules_used, visible_devices
from advdistill.hardware import this_hardware


@dataclass
class Spent:
    """What the block took; whole when it has ended."""

    gpus: int
    hardware: str | None = None
    """The devices that the work was done on."""
    seconds: float = 0.0
    joules: float | None = None
    """Of all visible devices, whoever used them; None where they do not say."""


@contextmanager
def spending(
    *, gpus: int | None = None, read: Callable[[], list[float] | None] = joules_used
) -> Iterator[Spent]:
    """Yield what the block takes; `read` gives a counter a device, in joules."""
    spent = Spent(
        gpus=len(visible_devices()) if gpus is None else gpus, hardware=str(this_hardware())
    )
    before, begun = read(), time.monotonic()
    yield spent
    spent.seconds = round(time.monotonic() - begun, 3)
    after = read()
    if before is not None and after is not None:
        spent.joules = round(sum(after) - sum(before), 1)
