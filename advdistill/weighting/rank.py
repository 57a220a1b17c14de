"""The place of each answer within its group."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advdistill.groups import ZeroVariance, settle_PG
from advdistill.interfaces import Reach, RewardGroups


@dataclass(frozen=True, kw_only=True)
class Rank:
    """Centred ranks from -1 for the worst to 1 for the best answer; ties share their mean rank.

    The same number is (answers below - answers above) / (n - 1), so how far rewards lie apart has
    no say. Centred ranks shape the fitness in evolution strategies: Salimans et al., arXiv
    1703.03864. Unlike there, ranks are taken within the group and run from -1 to 1.
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
        """Return weights_PG from -1 to 1; they sum to 0 in a group of mixed rewards."""
        rewards_PG = np.where(groups.known_PG, groups.rewards_PG, np.nan)
        lead_PG = np.zeros(rewards_PG.shape)
        for column in range(rewards_PG.shape[1]):
            other_P1 = rewards_PG[:, column : column + 1]
            lead_PG += rewards_PG > other_P1
            lead_PG -= rewards_PG < other_P1
        others_P1 = np.maximum(groups.known_PG.sum(1, keepdims=True) - 1, 1)
        return settle_PG(lead_PG / others_P1, groups, self.zero_variance)
