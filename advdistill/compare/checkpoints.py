"""Question (a): do two checkpoints differ on the same items?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from advdistill.compare.claims import CheckpointClaim, EffectSize, Interval, Method
from advdistill.compare.item_scores import ItemScores
from advdistill.statistics.crossed import EQUAL
from advdistill.statistics.effect_sizes import cohen_h, d_z
from advdistill.statistics.mcnemar import exact_binomial
from advdistill.statistics.paired_shares import share_difference

_POINTS = 100


@dataclass(frozen=True, kw_only=True)
class Checkpoints:
    """Two models' scores of the same items, and what they are called."""

    task: str
    metric: str
    first: str
    second: str
    seed: int
    first_scores: ItemScores
    second_scores: ItemScores


def checkpoint_claim(pair: Checkpoints, *, level: float) -> CheckpointClaim:
    """Return what may be said of the two models; items are right or wrong, or shares.

    Where every item is right or wrong the test is McNemar's exact one. Where an item has several
    answers, these hang together: the unit is the item, and the test is the paired t over items.
    """
    items = sorted(pair.first_scores)
    first = np.array([pair.first_scores[item] for item in items])
    second = np.array([pair.second_scores[item] for item in items])
    differences = first - second
    binary = bool(np.isin(np.concatenate([first, second]), (0, 1)).all())
    only_first, only_second = int((differences > EQUAL).sum()), int((differences < -EQUAL).sum())
    if binary:
        p_value = exact_binomial(only_first, only_second)
        low, high = share_difference(only_first, only_second, len(items), level=level)
    else:
        p_value, low, high = _over_items(differences, level)
    return CheckpointClaim(
        task=pair.task,
        metric=pair.metric,
        first=pair.first,
        second=pair.second,
        seed=pair.seed,
        estimate=_POINTS * float(differences.mean()),
        interval=Interval(low=_POINTS * low, high=_POINTS * high, level=level),
        p_value=p_value,
        method=Method.mcnemar if binary else Method.item_t,
        effect=EffectSize(
            points=_POINTS * float(differences.mean()),
            cohen_h=cohen_h(float(first.mean()), float(second.mean())),
            d_z=d_z(differences) if len(items) > 1 else None,
        ),
        items=len(items),
        only_first=only_first if binary else None,
        only_second=only_second if binary else None,
    )


def _over_items(differences: np.ndarray, level: float) -> tuple[float, float, float]:
    """Return p-value and interval of the mean; equal items say nothing."""
    from scipy.stats import ttest_1samp

    if len(differences) < 2 or np.ptp(differences) <= EQUAL:
        return 1.0, -1.0, 1.0
    found: Any = ttest_1samp(differences, 0.0)
    interval = found.confidence_interval(level)
    return float(found.pvalue), float(interval.low), float(interval.high)
