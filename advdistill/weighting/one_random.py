"""One answer per prompt, whichever it is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advdistill.groups import draws_PG, first_PG
from advdistill.interfaces import Reach, RewardGroups


@dataclass(frozen=True, kw_only=True)
class OneRandom:
    """Weight 1 for one judged answer of each prompt, drawn without a look at its reward.

    Sequence-level distillation on a single sample: Kim and Rush, arXiv 1606.07947. Unlike the
    paper, the answer is a sample of the teacher, not its most likely one.
    """

    seed: int

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
        return first_PG(groups.known_PG, draws_PG(groups, self.seed)).astype(np.float64)
