"""The weights of another weighting, mixed up within each group: a control."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advdistill.groups import draws_PG
from advdistill.interfaces import Reach, RewardGroups, Weighting


@dataclass(frozen=True, kw_only=True)
class Shuffled:
    """The weights of `of`, dealt at random to the judged answers of the same prompt.

    Every prompt keeps its weights and loses the link to its rewards: what is left of a gain was
    not the choice of answers but that of prompts, or chance.
    """

    of: Weighting
    seed: int

    @property
    def reach(self) -> Reach:
        """How much of the pool a prompt's weights depend on."""
        return self.of.reach

    @property
    def signed(self) -> bool:
        """Whether a weight can be below 0."""
        return self.of.signed

    def weigh(self, groups: RewardGroups) -> NDArray[np.float64]:
        """Return weights_PG; those of each group are those of `of` in another order."""
        known_PG = groups.known_PG
        draws_of_known_PG = np.where(known_PG, draws_PG(groups, self.seed), np.iinfo(np.int64).max)
        weights_PG = np.where(known_PG, self.of.weigh(groups), np.inf)
        # both orders end with the unknown, so that known weights go to known answers alone
        dealt_PG = np.zeros(weights_PG.shape)
        np.put_along_axis(dealt_PG, draws_of_known_PG.argsort(1), np.sort(weights_PG, 1), 1)
        return np.where(known_PG, dealt_PG, 0.0)
