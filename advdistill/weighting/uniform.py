"""Every judged answer weighs the same."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advdistill.interfaces import Reach, RewardGroups


@dataclass(frozen=True, kw_only=True)
class Uniform:
    """Weight 1 for every answer whose reward is known.

    Sequence-level distillation on all samples: Kim and Rush, arXiv 1606.07947.
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
        return groups.known_PG.astype(np.float64)
