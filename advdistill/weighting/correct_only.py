"""Only right answers count."""

from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from advdistill.errors import ConfigError
from advdistill.interfaces import RewardGroups


@dataclass(frozen=True, kw_only=True)
class CorrectOnly:
    """Weight 1 for every answer whose reward reaches the threshold, 0 for all others.

    Rejection-sampling fine-tuning (RFT): Yuan et al., arXiv 2308.01825.
    """

    threshold: float

    def __post_init__(self) -> None:
        """Check the range."""
        if not isfinite(self.threshold):
            raise ConfigError(
                f"weighting 'correct_only': threshold is {self.threshold}; wanted a finite number"
            )

    @property
    def signed(self) -> bool:
        """Whether a weight can be below 0."""
        return False

    def weigh(self, groups: RewardGroups) -> NDArray[np.float64]:
        """Return weights_PG of 0 and 1."""
        right_PG = groups.known_PG & (np.nan_to_num(groups.rewards_PG) >= self.threshold)
        return right_PG.astype(np.float64)
