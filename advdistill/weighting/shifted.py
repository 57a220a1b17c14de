"""The centred reward with a baseline beside the mean."""

from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from advdistill.errors import ConfigError
from advdistill.groups import ZeroVariance, centred_PG, settle_PG
from advdistill.interfaces import Reach, RewardGroups


@dataclass(frozen=True, kw_only=True)
class Shifted:
    """r - (mean + delta), without division by a deviation.

    AsymRE, arXiv 2506.20520. On answers that another model gave, a baseline of the mean or more
    lets the student collapse; a delta below 0 leans towards imitation and keeps it from that.
    """

    delta: float
    zero_variance: ZeroVariance
    """`formula` is the paper's: every answer of such a group weighs -delta, right or wrong."""

    def __post_init__(self) -> None:
        """Check the range."""
        if not isfinite(self.delta):
            raise ConfigError(
                f"weighting 'shifted': delta is {self.delta}; wanted a finite number, below 0 for "
                "a baseline below the mean"
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
        """Return weights_PG; they sum to -delta times the group's size in a mixed group."""
        signed_PG = centred_PG(groups.rewards_PG) - self.delta
        return settle_PG(signed_PG, groups, self.zero_variance)
