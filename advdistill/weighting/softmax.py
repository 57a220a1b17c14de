"""Softmax of the advantage: soft selection of the better answers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advdistill.errors import ConfigError
from advdistill.groups import (
    Std,
    Total,
    ZeroVariance,
    advantage_PG,
    settle_shares_PG,
    shares_PG,
)
from advdistill.interfaces import Reach, RewardGroups


@dataclass(frozen=True, kw_only=True)
class Softmax:
    """softmax(advantage / temperature) within the group; low temperatures approach best-of-N.

    Reward-weighted regression with an exact partition function per prompt: Peters and Schaal 2007.
    Reconstruction: one reading of the advantage-guided loss of arXiv 2507.00054.
    """

    temperature: float
    std: Std
    std_floor: float
    epsilon: float
    zero_variance: ZeroVariance
    total: Total

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not (self.temperature > 0 and self.epsilon >= 0 and self.std_floor >= 0):
            raise ConfigError(
                f"weighting 'softmax': temperature is {self.temperature}, std_floor "
                f"{self.std_floor} and epsilon {self.epsilon}; wanted temperature above 0 and the "
                "others 0 or more"
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
        share_PG = shares_PG(signed_PG, self.temperature)
        return settle_shares_PG(share_PG, groups, self.zero_variance, self.total)
