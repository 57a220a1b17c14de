"""Each reward against the mean of the others."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advdistill.groups import ZeroVariance, centred_PG, settle_PG
from advdistill.interfaces import Reach, RewardGroups


@dataclass(frozen=True, kw_only=True)
class LeaveOneOut:
    """r minus the mean reward of the group's other answers, which is n / (n - 1) times r - mean.

    REINFORCE leave-one-out (RLOO): Ahmadian et al., arXiv 2402.14740. An answer without others
    has no baseline: its advantage is 0, and its group one of zero variance.
    """

    zero_variance: ZeroVariance

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
        count_P1 = groups.known_PG.sum(1, keepdims=True)
        stretch_P1 = count_P1 / np.maximum(count_P1 - 1, 1)
        signed_PG = stretch_P1 * centred_PG(groups.rewards_PG)
        return settle_PG(signed_PG, groups, self.zero_variance)
