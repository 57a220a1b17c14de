"""The advantage of the better answers, nothing for the others."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advdistill.errors import ConfigError
from advdistill.groups import Std, ZeroVariance, advantage_PG, settle_PG
from advdistill.interfaces import Reach, RewardGroups


@dataclass(frozen=True, kw_only=True)
class ReluAdvantage:
    """max(advantage, 0): answers at or below their group's mean are left out.

    The positive-advantage rule of A-LoL, arXiv 2305.14718, in its variant without a reference
    model. Unlike the paper, the advantage is group-relative, not taken from a value estimate of
    the reference, and nothing is sampled in proportion to it.
    """

    std: Std
    std_floor: float
    epsilon: float
    zero_variance: ZeroVariance

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not (self.epsilon >= 0 and self.std_floor >= 0):
            raise ConfigError(
                f"weighting 'relu_advantage': std_floor is {self.std_floor} and epsilon "
                f"{self.epsilon}; wanted 0 or more"
            )

    @property
    def reach(self) -> Reach:
        """How much of the pool a prompt's weights depend on."""
        return Reach.group

    @property
    def signed(self) -> bool:
        """Whether a weight can be below 0."""
        return False

    def weigh(self, groups: RewardGroups) -> NDArray[np.float64]:
        """Return weights_PG, none below 0."""
        signed_PG = advantage_PG(
            groups.rewards_PG, std=self.std, epsilon=self.epsilon, std_floor=self.std_floor
        )
        return np.maximum(settle_PG(signed_PG, groups, self.zero_variance), 0.0)
