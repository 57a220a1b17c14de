"""The advantage of each rule by itself, added up."""

from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from advdistill.errors import ConfigError, StageError
from advdistill.groups import Std, ZeroVariance, advantage_PG, settle_where_PG, zero_variance_P1
from advdistill.interfaces import Reach, RewardGroups


@dataclass(frozen=True, kw_only=True)
class GDPO:
    """The weighted sum of each part's z-score in the group, standardised over the pool.

    GDPO, arXiv 2601.05242, equations 4 to 6: a part whose differences are small is not drowned by
    another, nor blown up with the sum. Unlike the paper, the batch is the whole pool. With a
    verifier of one rule the total is the one part and `weights` is not read: then the weights are
    those of `advantage` up to one factor for the pool.
    """

    weights: dict[str, float]
    """What the z-score of each part is multiplied by; names every part of the verifier."""
    std: Std
    epsilon: float
    zero_variance: ZeroVariance

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not self.epsilon >= 0:
            raise ConfigError(f"weighting 'gdpo': epsilon is {self.epsilon}; wanted 0 or more")
        for name, weight in self.weights.items():
            if not isfinite(weight):
                raise ConfigError(
                    f"weighting 'gdpo': weights.{name} is {weight}; wanted a finite number"
                )

    @property
    def reach(self) -> Reach:
        """How much of the pool a prompt's weights depend on."""
        return Reach.pool

    @property
    def signed(self) -> bool:
        """Whether a weight can be below 0."""
        return True

    def weigh(self, groups: RewardGroups) -> NDArray[np.float64]:
        """Return weights_PG of either sign; a group is flat where all its parts are.

        Raises:
            StageError: `weights` names a part that the pool has not, or leaves one out.
        """
        parts = self._parts(groups)
        summed_PG = np.zeros(groups.rewards_PG.shape)
        flat_P1 = np.ones((len(groups.prompt_ids), 1), dtype=bool)
        for weight, values_PG in parts:
            summed_PG += weight * advantage_PG(values_PG, std=self.std, epsilon=self.epsilon)
            flat_P1 &= zero_variance_P1(values_PG)
        # the pool as one group
        pool_1B = advantage_PG(summed_PG.reshape(1, -1), std=self.std, epsilon=self.epsilon)
        signed_PG = pool_1B.reshape(summed_PG.shape)
        settled_PG = settle_where_PG(flat_P1, signed_PG, groups, self.zero_variance)
        return np.where(np.isnan(signed_PG), 0.0, settled_PG)

    def _parts(self, groups: RewardGroups) -> list[tuple[float, NDArray[np.float64]]]:
        """Return weight and values of each part, NaN where any of them is unknown."""
        if len(groups.parts) <= 1:
            return [(1.0, np.where(groups.known_PG, groups.rewards_PG, np.nan))]
        if set(self.weights) != set(groups.parts):
            raise StageError(
                f"stage 'weigh': weighting.weights names {', '.join(self.weights) or 'nothing'}; "
                f"the verifier's parts are {', '.join(sorted(groups.parts))}; wanted a number for "
                "each and no other (0 leaves one out); give +weighting.weights.NAME=NUMBER or "
                "~weighting.weights.NAME"
            )
        known_PG = groups.known_PG.copy()
        for values_PG in groups.parts.values():
            known_PG &= ~np.isnan(values_PG)
        return [
            (weight, np.where(known_PG, groups.parts[name], np.nan))
            for name, weight in self.weights.items()
            if weight != 0
        ]
