"""Softmax of the advantage: soft selection of the better answers."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from advdistill.errors import ConfigError
from advdistill.groups import Std, ZeroVariance, advantage_PG, settle_PG
from advdistill.interfaces import RewardGroups


class Total(StrEnum):
    """What the weights of one prompt sum to."""

    one = "one"
    samples = "samples"
    """The number of its judged answers, so that the loss has the scale of `uniform`."""


@dataclass(frozen=True, kw_only=True)
class Softmax:
    """softmax(advantage / temperature) within the group; low temperatures approach best-of-N.

    Reward-weighted regression with an exact partition function per prompt: Peters and Schaal 2007.
    Reconstruction: one reading of the advantage-guided loss of arXiv 2507.00054.
    """

    temperature: float
    std: Std
    epsilon: float
    zero_variance: ZeroVariance
    total: Total

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not (self.temperature > 0 and self.epsilon >= 0):
            raise ConfigError(
                f"weighting 'softmax': temperature is {self.temperature} and epsilon "
                f"{self.epsilon}; wanted temperature above 0 and epsilon 0 or more"
            )

    @property
    def signed(self) -> bool:
        """Whether a weight can be below 0."""
        return False

    def weigh(self, groups: RewardGroups) -> NDArray[np.float64]:
        """Return weights_PG, none below 0."""
        known_PG = groups.known_PG
        signed_PG = advantage_PG(groups.rewards_PG, std=self.std, epsilon=self.epsilon)
        finite_PG = np.where(known_PG, signed_PG, -np.inf)
        top_P1 = np.where(known_PG.any(1, keepdims=True), finite_PG.max(1, keepdims=True), 0.0)
        # the largest is taken off before the division, so that no temperature overflows
        mass_PG = np.exp((finite_PG - top_P1) / self.temperature)
        share_PG = mass_PG / np.maximum(mass_PG.sum(1, keepdims=True), 1e-300)
        count_P1 = known_PG.sum(1, keepdims=True)
        scaled_up_PG = settle_PG(share_PG * count_P1, groups, self.zero_variance)
        return (
            scaled_up_PG if self.total is Total.samples else scaled_up_PG / np.maximum(count_P1, 1)
        )
