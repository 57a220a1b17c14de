"""The exponential of the advantage, clipped."""

from dataclasses import dataclass
from math import isfinite, log

import numpy as np
from numpy.typing import NDArray

from advdistill.errors import ConfigError
from advdistill.groups import Std, ZeroVariance, advantage_PG, settle_PG
from advdistill.interfaces import Reach, RewardGroups


@dataclass(frozen=True, kw_only=True)
class AdvantageWeightedRegression:
    """min(exp(advantage / beta), max_weight).

    Advantage-weighted regression: Peng et al., arXiv 1910.00177; beta 1 and the clip at 20 are
    those of the authors' code. Unlike the paper, the value of a prompt is the mean reward of its
    group, not a learned function, and advantages are standardised in the group, not in the batch.
    """

    beta: float
    max_weight: float
    std: Std
    std_floor: float
    epsilon: float
    zero_variance: ZeroVariance

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not (self.beta > 0 and isfinite(self.beta)):
            raise ConfigError(
                f"weighting 'awr': beta is {self.beta}; wanted a finite number above 0"
            )
        if not (self.max_weight > 0 and isfinite(self.max_weight)):
            raise ConfigError(
                f"weighting 'awr': max_weight is {self.max_weight}; wanted a finite number above 0"
            )
        if not (self.epsilon >= 0 and self.std_floor >= 0):
            raise ConfigError(
                f"weighting 'awr': std_floor is {self.std_floor} and epsilon {self.epsilon}; "
                "wanted 0 or more"
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
        """Return weights_PG from 0 to max_weight; groups of zero variance as the policy says."""
        signed_PG = advantage_PG(
            groups.rewards_PG, std=self.std, epsilon=self.epsilon, std_floor=self.std_floor
        )
        exponent_PG, largest = signed_PG / self.beta, log(self.max_weight)
        # clipped before the exponential, which would overflow
        grown_PG = np.exp(np.minimum(exponent_PG, largest))
        clipped_PG = np.where(exponent_PG >= largest, self.max_weight, grown_PG)
        return np.maximum(settle_PG(clipped_PG, groups, self.zero_variance), 0.0)
