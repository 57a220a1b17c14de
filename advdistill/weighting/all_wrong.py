"""Only wrong answers count: a control."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advdistill.groups import wrong_PG
from advdistill.interfaces import Reach, RewardGroups


@dataclass(frozen=True, kw_only=True)
class AllWrong:
    """Weight 1 for every judged answer that the verifier did not pass, 0 for all others.

    What a student gains from these it did not gain from right answers: Shape of Thought, arXiv
    2512.22255, finds that wrong reasoning alone can teach.
    """

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
        return wrong_PG(groups).astype(np.float64)
