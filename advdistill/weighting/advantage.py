"""The signed advantage itself as the weight."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advdistill.errors import ConfigError
from advdistill.groups import Std, ZeroVariance, advantage_PG, settle_PG
from advdistill.interfaces import Reach, RewardGroups


@dataclass(frozen=True, kw_only=True)
class Advantage:
    """The group-relative advantage, negative for answers below their group's mean.

    GRPO, arXiv 2402.03300, section 4.1.2, on a fixed pool; with `std: none` Dr. GRPO, arXiv
    2503.20783. Reconstruction: the AdvDistill paper (arXiv 2507.00054) weights its loss by the
    relative advantage within the group; whether signed, clipped or soft-maxed is not known to us,
    so this and `softmax` are arms of their own.
    """

    std: Std
    std_floor: float
    """The deviation counts as at least this, so that tiny differences stay tiny weights."""
    epsilon: float
    zero_variance: ZeroVariance

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not (self.epsilon >= 0 and self.std_floor >= 0):
            raise ConfigError(
                f"weighting 'advantage': std_floor is {self.std_floor} and epsilon is "
                f"{self.epsilon}; wanted 0 or more"
            )

    @property
    def reach(self) -> Reach:
        """How much of the pool a prompt's weights depend on."""
        return Reach.group

    @property
    def signed(self) -> bool:
        """Whether a weight can be below 0."""
        return True

    def weigh(self, groups: RewardGroups) -> NDArray[np.float64]:
        """Return weights_PG of either sign; they sum to 0 in a group of mixed rewards."""
        signed_PG = advantage_PG(
            groups.rewards_PG, std=self.std, epsilon=self.epsilon, std_floor=self.std_floor
        )
        return settle_PG(signed_PG, groups, self.zero_variance)
