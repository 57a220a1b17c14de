"""How long an artefact took to make, kept beside it; no part of its digest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from advdistill.cache import MANIFEST, TIMING
from advdistill.hardware import Hardware


@dataclass(frozen=True, kw_only=True)
class Timing:
    """One making from its beginning to its end."""

    stage: str
    kind: str
    """As `costs.kind_of` says."""
    units: float
    seconds: float
    hardware: Hardware


def write_timing(folder: Path, timing: Timing) -> None:
    """Leave the timing in the artefact's folder."""
    (folder / TIMING).write_text(json.dumps(asdict(timing)))


def read_timings(cache: Path) -> Iterator[Timing]:
    """Yield the timings of all finished artefacts of a cache, one that is not whole left out."""
    for file in sorted(cache.glob(f"*/*/{TIMING}")):
        if (file.parent / MANIFEST).exists():
            timing = _timing(file)
            if timing is not None:
                yield timing


def _timing(file: Path) -> Timing | None:
    try:
        raw = json.loads(file.read_text())
        hardware = Hardware(
            processor=raw["hardware"]["processor"],
            cores=raw["hardware"]["cores"],
            gpus=tuple(raw["hardware"]["gpus"]),
        )
        return Timing(
            stage=raw["stage"],
            kind=raw["kind"],
            units=raw["units"],
            seconds=raw["seconds"],
            hardware=hardware,
        )
    except (ValueError, KeyError, TypeError):
        return None
