"""Only wrong answers count: a control."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advdistill.groups import wrong_PG
from advdistill.interfaces import RewardGroups


@dataclass(frozen=True, kw_only=True)
class AllWrong:
    """Weight 1 for every judged answer that the verifier did not pass, 0 for all others.

    What a student learns from these has nothing to do with right answers: the control that Shape
    of Thought, arXiv 2512.22255, makes necessary.
    """

    @property
    def signed(self) -> bool:
        """Whether a weight can be below 0."""
        return False

    def weigh(self, groups: RewardGroups) -> NDArray[np.float64]:
        """Return weights_PG of 0 and 1."""
        return wrong_PG(groups).astype(np.float64)
