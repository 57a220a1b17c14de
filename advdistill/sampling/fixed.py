"""As many answers to every prompt."""

from __future__ import annotations

from dataclasses import dataclass

from advdistill.interfaces import Tried


@dataclass(frozen=True, kw_only=True)
class FixedSampling:
    """Asks every prompt for all answers at once."""

    @property
    def needs_verdicts(self) -> bool:
        """Whether it reads what the answers came to."""
        return False

    def more(self, tried: Tried, most: int) -> int:
        """Return how many further answers to ask for, of `most` in all."""
        return most - tried.answers
