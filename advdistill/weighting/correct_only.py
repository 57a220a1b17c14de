"""Only right answers count."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advdistill.interfaces import RewardGroups


@dataclass(frozen=True, kw_only=True)
class CorrectOnly:
    """Weight 1 for every answer whose reward reaches the threshold, 0 for all others.

    Rejection-sampling fine-tuning (RFT): Yuan et al., arXiv 2308.01825.
    """

    threshold: float

    def weigh(self, groups: RewardGroups) -> NDArray[np.float64]:
        """Return weights_PG of 0 and 1."""
        right_PG = groups.known_PG & (np.nan_to_num(groups.rewards_PG) >= self.threshold)
        return right_PG.astype(np.float64)
