"""Which sweep a cell belongs to, as whoever starts the cell says.

It says so in the environment and not in the configuration, because it is no part of what the cell
is: the same cell in two sweeps is one cell, made once.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SWEEP = "ADVDISTILL_SWEEP"
"""The sweep's name and hash, `weightings-3f2a9c0d41be`."""
LEVELS = "ADVDISTILL_LEVELS"
"""The cell's option of each swept factor, `weighting=softmax;sampling.samples=8`."""


@dataclass(frozen=True, kw_only=True)
class Membership:
    """A cell's place in a sweep."""

    sweep: str
    levels: Mapping[str, str]
    """Option by swept factor, the seed left out."""

    @property
    def environment(self) -> dict[str, str]:
        """What to start the cell with."""
        levels = ";".join(f"{factor}={option}" for factor, option in self.levels.items())
        return {SWEEP: self.sweep, LEVELS: levels}


def membership_of(environment: Mapping[str, str] = os.environ) -> Membership | None:
    """Return the sweep that this process was started for, if it was for one."""
    sweep = environment.get(SWEEP)
    if not sweep:
        return None
    pairs = (one.partition("=") for one in environment.get(LEVELS, "").split(";") if one)
    return Membership(sweep=sweep, levels={factor: option for factor, _, option in pairs})


def membership_at(cell: Path, levels: Mapping[str, str]) -> Membership:
    """Return the place of the cell in this folder, `sweeps/<name>/<hash>/cells/<id>`."""
    sweep = cell.absolute().parents[1]
    return Membership(sweep=group_of(sweep.parent.name, sweep.name), levels=levels)


def group_of(name: str, sweep_hash: str) -> str:
    """Return what a sweep's cells are grouped by."""
    return f"{name}-{sweep_hash}"
