"""What the weights of a pool look like before any time is spent on training with them.

Axes: `P` prompts, `G` samples per prompt.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from advdistill.groups import zero_variance_P1
from advdistill.interfaces import RewardGroups


@dataclass(frozen=True, kw_only=True)
class Health:
    """Counts and shares of one pool's weights."""

    positive: int
    negative: int
    zero: int
    mixed_groups: float
    """Share of the groups in which known rewards differ."""
    effective_samples: float
    """(sum |w|)^2 / sum w^2."""
    largest_share: float
    """Share of the largest |w| in the sum."""
    negative_share: float
    """Share of the negative weights in the sum of |w|."""

    def numbers(self) -> dict[str, float]:
        """Return the fields as numbers to report."""
        return {name: float(value) for name, value in asdict(self).items()}

    def line(self, responses: int) -> str:
        """Return the counts as a line for people; they sum to the number of responses."""
        zero = responses - self.positive - self.negative
        return (
            f"{responses} weights = {self.positive} positive + {self.negative} negative + "
            f"{zero} zero; {self.mixed_groups:.0%} of the groups mixed, "
            f"effective sample size {self.effective_samples:.0f}"
        )


def health_of(groups: RewardGroups, weights_PG: NDArray[np.float64]) -> Health:
    """Return the health of the weights."""
    size_PG = np.abs(weights_PG)
    total = float(size_PG.sum())
    judged_P = groups.known_PG.any(1)
    mixed_P = judged_P & ~zero_variance_P1(groups.rewards_PG)[:, 0]
    return Health(
        positive=int((weights_PG > 0).sum()),
        negative=int((weights_PG < 0).sum()),
        zero=int((groups.present_PG & (weights_PG == 0)).sum()),
        mixed_groups=float(mixed_P.mean()) if len(mixed_P) else 0.0,
        effective_samples=total**2 / float((size_PG**2).sum()) if total else 0.0,
        largest_share=float(size_PG.max()) / total if total else 0.0,
        negative_share=float(size_PG[weights_PG < 0].sum()) / total if total else 0.0,
    )
