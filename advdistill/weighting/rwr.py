"""Softmax of the reward itself: reward-weighted regression."""

from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from advdistill.errors import ConfigError
from advdistill.groups import Total, ZeroVariance, settle_shares_PG, shares_PG
from advdistill.interfaces import Reach, RewardGroups


@dataclass(frozen=True, kw_only=True)
class RewardWeightedRegression:
    """exp(reward / beta), divided by its sum over the group.

    Reward-weighted regression: Peters and Schaal 2007. Unlike the paper, the sum runs over the
    answers to one prompt, so that an easy prompt does not outweigh a hard one.
    """

    beta: float
    zero_variance: ZeroVariance
    total: Total

    def __post_init__(self) -> None:
        """Check the range."""
        if not (self.beta > 0 and isfinite(self.beta)):
            raise ConfigError(
                f"weighting 'rwr': beta is {self.beta}; wanted a finite number above 0"
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
        known_PG = np.where(groups.known_PG, groups.rewards_PG, np.nan)
        share_PG = shares_PG(known_PG, self.beta)
        return settle_shares_PG(share_PG, groups, self.zero_variance, self.total)
