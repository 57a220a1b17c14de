"""Several teachers, each with its share of the answers to every prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, isclose
from pathlib import Path

from advdistill.errors import ConfigError
from advdistill.interfaces import Member


@dataclass(frozen=True, kw_only=True)
class MixtureTeacher:
    """Of the answers to a prompt, the first ones are of the first part, and so on.

    The answers of a part are those that it gives alone: a pool that was made with it is used. Each
    row names its teacher.
    """

    samples: int
    shares: dict[str, float]
    """Of each part, in the sum of 1; numbers of answers are rounded by largest remainders."""
    parts: dict[str, Member]

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.shares.keys() != self.parts.keys() or not self.parts:
            raise ConfigError(
                f"teacher: shares are of {sorted(self.shares)} and parts are {sorted(self.parts)}; "
                "wanted a share for each part, such as +teacher.shares.NAME=0.5"
            )
        odd = [name for name, share in self.shares.items() if not 0 < share <= 1]
        if odd or not isclose(sum(self.shares.values()), 1):
            raise ConfigError(
                f"teacher: shares are {dict(self.shares)}; wanted numbers above 0 that sum to 1"
            )
        few = [part for part, count in zip(self.parts, self._counts(), strict=True) if not count]
        if few:
            raise ConfigError(
                f"teacher: of {self.samples} samples the part '{few[0]}' has none; wanted at "
                "least 1; raise teacher.samples or its share"
            )

    @property
    def members(self) -> Sequence[tuple[Member, int]]:
        """The parts, each with its number of answers per prompt."""
        return list(zip(self.parts.values(), self._counts(), strict=True))

    @property
    def model(self) -> str | None:
        """None: no one model gave the answers."""
        return None

    @property
    def revision(self) -> str | None:
        """None: each part has its own."""
        return None

    def sources(self) -> Sequence[Path]:
        """Return the local files and folders that the parts read."""
        return [path for part in self.parts.values() for path in part.sources()]

    def _counts(self) -> list[int]:
        exact = [self.samples * self.shares[name] for name in self.parts]
        counts = [floor(count + 1e-9) for count in exact]
        rest = sorted(range(len(exact)), key=lambda i: counts[i] - exact[i])
        for i in rest[: self.samples - sum(counts)]:
            counts[i] += 1
        return counts
