"""The cells that a command spells: every combination of the swept options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

SEED = "seed"


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One setting of the command and the values it takes, as overrides are written."""

    key: str
    """Such as `weighting`, or `+dataset@held_out.svamp`."""
    values: tuple[str, ...]
    swept: bool
    """Whether the command lists values, though it be one."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One combination: a cell before its configuration is composed."""

    settings: Mapping[str, str]
    """Override key -> value, in the order of the command."""
    levels: Mapping[str, str]
    """Factor -> option, of the swept axes but the seed."""
    control: bool = False
    equal_to: Point | None = None
    """The cell on as many of whose response tokens this one is to be trained."""

    @property
    def overrides(self) -> list[str]:
        """The overrides that spell it."""
        return [f"{key}={value}" for key, value in self.settings.items()]

    def __hash__(self) -> int:
        """Return the hash of what spells it."""
        return hash(tuple(self.overrides))


def points_of(axes: Sequence[Axis]) -> list[Point]:
    """Return every combination, the last axis turning first."""
    factors = [axis.key for axis in axes if axis.swept and axis.key != SEED]
    grid = product(*(axis.values for axis in axes))
    keys = [axis.key for axis in axes]
    return [
        Point(settings=settings, levels={key: settings[key] for key in factors})
        for settings in (dict(zip(keys, values, strict=True)) for values in grid)
    ]
