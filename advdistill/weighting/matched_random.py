"""The weights of another weighting, mixed up over the whole pool: a control."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advdistill.groups import draws_PG
from advdistill.interfaces import Reach, RewardGroups, Weighting


@dataclass(frozen=True, kw_only=True)
class MatchedRandom:
    """The weights of `of`, dealt at random to all judged answers of the pool.

    The histogram of the weights stays; the link to rewards and to prompts is gone. What is left
    of a gain comes from the spread of the weights alone, or from chance.
    """

    of: Weighting
    seed: int

    @property
    def reach(self) -> Reach:
        """How much of the pool a prompt's weights depend on."""
        return Reach.pool

    @property
    def signed(self) -> bool:
        """Whether a weight can be below 0."""
        return self.of.signed

    def weigh(self, groups: RewardGroups) -> NDArray[np.float64]:
        """Return weights_PG; all of them together are those of `of` in another order."""
        known_PG = groups.known_PG
        draws_B = draws_PG(groups, self.seed)[known_PG]
        dealt_B = np.zeros(len(draws_B))
        dealt_B[draws_B.argsort()] = np.sort(self.of.weigh(groups)[known_PG])
        weights_PG = np.zeros(known_PG.shape)
        weights_PG[known_PG] = dealt_B
        return weights_PG
