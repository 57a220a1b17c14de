"""The best answer of each prompt alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advdistill.groups import first_PG, right_PG
from advdistill.interfaces import Reach, RewardGroups


@dataclass(frozen=True, kw_only=True)
class BestOfN:
    """Weight 1 for the answer of the highest known reward, ties falling to the lowest sample.

    Reward-ranked fine-tuning (RAFT): Dong et al., arXiv 2304.06767, with one answer kept of each
    prompt.
    """

    require_pass: bool
    """Choose among right answers alone; a prompt without one weighs nothing."""

    @property
    def reach(self) -> Reach:
        """How much of the pool a prompt's weights depend on."""
        return Reach.group

    @property
    def signed(self) -> bool:
        """Whether a weight can be below 0."""
        return False

    def weigh(self, groups: RewardGroups) -> NDArray[np.float64]:
        """Return weights_PG of 0 and 1."""
        eligible_PG = right_PG(groups) if self.require_pass else groups.known_PG
        rewards_PG = np.where(eligible_PG, groups.rewards_PG, -np.inf)
        best_P1 = rewards_PG.max(1, keepdims=True, initial=-np.inf)
        best_PG = eligible_PG & (rewards_PG == best_P1)
        return first_PG(best_PG, groups.samples_PG).astype(np.float64)
