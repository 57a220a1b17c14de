"""Right answers against wrong ones, the wrong at a discount."""

from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from advdistill.errors import ConfigError
from advdistill.groups import right_PG, wrong_PG
from advdistill.interfaces import Reach, RewardGroups


@dataclass(frozen=True, kw_only=True)
class REDI:
    """1 for right and -alpha for wrong answers.

    REDI, arXiv 2505.24850: -log p(right) + alpha log p(wrong), each a mean over tokens, in
    expectation over pairs of a right and a wrong answer. Unlike the paper, which draws pairs,
    `balanced` weighs all n answers to a prompt by how often they would be drawn: with k right a
    right one weighs n / 2k and a wrong one -alpha n / 2(n - k), and a prompt without a pair 0.
    """

    alpha: float
    balanced: bool

    def __post_init__(self) -> None:
        """Check the range."""
        if not (self.alpha >= 0 and isfinite(self.alpha)):
            raise ConfigError(
                f"weighting 'redi': alpha is {self.alpha}; wanted a finite number, 0 or more"
            )

    @property
    def reach(self) -> Reach:
        """How much of the pool a prompt's weights depend on."""
        return Reach.group

    @property
    def signed(self) -> bool:
        """Whether a weight can be below 0."""
        return self.alpha > 0

    def weigh(self, groups: RewardGroups) -> NDArray[np.float64]:
        """Return weights_PG of either sign."""
        gain_PG = right_PG(groups).astype(np.float64)
        loss_PG = wrong_PG(groups).astype(np.float64)
        if self.balanced:
            right_P1, wrong_P1 = gain_PG.sum(1, keepdims=True), loss_PG.sum(1, keepdims=True)
            # one side missing makes the other's factor 0 as well
            half_P1 = (right_P1 + wrong_P1) / 2 * (right_P1 > 0) * (wrong_P1 > 0)
            gain_PG *= half_P1 / np.maximum(right_P1, 1)
            loss_PG *= half_P1 / np.maximum(wrong_P1, 1)
        return gain_PG - self.alpha * loss_PG
