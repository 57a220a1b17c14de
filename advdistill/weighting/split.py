"""Right and wrong answers, each at a weight of its own."""

from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from advdistill.errors import ConfigError
from advdistill.groups import right_PG, wrong_PG
from advdistill.interfaces import Reach, RewardGroups


@dataclass(frozen=True, kw_only=True)
class Split:
    """`right` for right answers and -`wrong` for wrong ones.

    Positive and negative sample reinforcement, arXiv 2506.01347: PSR is (1, 0), NSR (0, 1) and
    W-REINFORCE (0.1, 1). Unlike the paper, the answers are the teacher's: its results are on the
    model's own samples and need not hold for these.
    """

    right: float
    wrong: float

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not (self.right >= 0 and self.wrong >= 0 and isfinite(self.right + self.wrong)):
            raise ConfigError(
                f"weighting 'split': right is {self.right} and wrong {self.wrong}; wanted finite "
                "numbers, 0 or more; the sign of wrong answers is put before it"
            )

    @property
    def reach(self) -> Reach:
        """How much of the pool a prompt's weights depend on."""
        return Reach.group

    @property
    def signed(self) -> bool:
        """Whether a weight can be below 0."""
        return self.wrong > 0

    def weigh(self, groups: RewardGroups) -> NDArray[np.float64]:
        """Return weights_PG of either sign."""
        return self.right * right_PG(groups) - self.wrong * wrong_PG(groups)
