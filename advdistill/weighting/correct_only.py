"""Only right answers count."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advdistill.groups import right_PG
from advdistill.interfaces import Reach, RewardGroups


@dataclass(frozen=True, kw_only=True)
class CorrectOnly:
    """Weight 1 for every answer that the verifier passed, 0 for all others.

    Rejection-sampling fine-tuning (RFT): Yuan et al., arXiv 2308.01825. Unlike the paper, which
    keeps one answer for each list of equations, `distinct` takes answers for the same only where
    their texts are equal.
    """

    distinct: bool
    """Keep one of several right answers with equal texts, the lowest sample number."""

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
        kept_PG = right_PG(groups)
        if self.distinct:
            kept_PG = _distinct_PG(kept_PG, groups)
        return kept_PG.astype(np.float64)


def _distinct_PG(chosen_PG: NDArray[np.bool_], groups: RewardGroups) -> NDArray[np.bool_]:
    """Return True for the first chosen answer of each text, by sample number."""
    rows_B, columns_B = chosen_PG.nonzero()
    texts_B = groups.text_ids_PG[chosen_PG]
    order_B = np.lexsort((groups.samples_PG[chosen_PG], texts_B, rows_B))
    rows_B, columns_B, texts_B = rows_B[order_B], columns_B[order_B], texts_B[order_B]
    first_B = np.ones(len(rows_B), dtype=bool)
    first_B[1:] = (np.diff(rows_B) != 0) | (np.diff(texts_B) != 0)
    kept_PG = np.zeros_like(chosen_PG)
    kept_PG[rows_B[first_B], columns_B[first_B]] = True
    return kept_PG
