"""The advantage with one deviation for the whole pool."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advdistill.errors import ConfigError
from advdistill.groups import Std, ZeroVariance, centred_PG, deviation_P1, settle_PG
from advdistill.interfaces import Reach, RewardGroups


@dataclass(frozen=True, kw_only=True)
class BatchStd:
    """(r - mean of the group) / (std of all known rewards of the pool + epsilon).

    Lite PPO, arXiv 2508.08221: group-level mean, batch-level deviation. Unlike the paper, the
    batch is the whole pool. A single wrong answer of an easy prompt is not blown up, as it is by
    its own group's deviation.
    """

    epsilon: float
    zero_variance: ZeroVariance

    def __post_init__(self) -> None:
        """Check the range."""
        if not self.epsilon >= 0:
            raise ConfigError(f"weighting 'batch_std': epsilon is {self.epsilon}; wanted 0 or more")

    @property
    def reach(self) -> Reach:
        """How much of the pool a prompt's weights depend on."""
        return Reach.pool

    @property
    def signed(self) -> bool:
        """Whether a weight can be below 0."""
        return True

    def weigh(self, groups: RewardGroups) -> NDArray[np.float64]:
        """Return weights_PG of either sign; they sum to 0 in a group of mixed rewards."""
        known_PG = np.where(groups.known_PG, groups.rewards_PG, np.nan)
        # the pool as one group
        divisor = deviation_P1(known_PG.reshape(1, -1), Std.population).item() + self.epsilon
        signed_PG = centred_PG(known_PG) / (divisor if divisor > 0 else 1.0)
        return settle_PG(signed_PG, groups, self.zero_variance)
