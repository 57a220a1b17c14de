"""Question (b): do two arms differ? Paired by seed, on the same items and the same pool.

Axes: `S` seeds, `I` items, `M` claims of a family.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from advdistill.compare.arms import Arm
from advdistill.compare.claims import (
    EffectSize,
    Finding,
    Interval,
    Method,
    Tested,
    WeightingClaim,
)
from advdistill.statistics.crossed import Array, crossed
from advdistill.statistics.effect_sizes import cohen_h, d_z
from advdistill.statistics.family import Family, family_of
from advdistill.statistics.sign_flip import LEAST, sign_flip
from advdistill.statistics.two_part_t import over_seeds, over_seeds_and_items

_POINTS = 100
_REACHES = {Method.seed_t: over_seeds, Method.crossed_t: over_seeds_and_items}


@dataclass(frozen=True, kw_only=True)
class ArmPair:
    """Two arms' scores of the same items under the same seeds."""

    task: str
    metric: str
    factor: str
    first: Arm
    second: Arm
    against_control: bool
    context: Mapping[str, str]
    seeds: tuple[int, ...]
    first_SI: Array
    """From 0 to 1."""
    second_SI: Array


def weighting_claims(
    pairs: Sequence[ArmPair], *, margin_points: float, level: float
) -> list[WeightingClaim]:
    """Return a claim for each pair, without its sentence.

    Those against the baseline are one family for Holm, those against controls another: a claim
    of the second is made only where the arm's claim of the first is, so that both together claim
    no more often when nothing differs.
    """
    families = [[pair for pair in pairs if pair.against_control is side] for side in (False, True)]
    return [
        claim
        for family in families
        if family
        for claim in _family(family, margin=margin_points / _POINTS, level=level)
    ]


def _family(pairs: Sequence[ArmPair], *, margin: float, level: float) -> list[WeightingClaim]:
    found = [crossed(pair.first_SI - pair.second_SI) for pair in pairs]
    tests = {
        method: family_of(found, reach, margin=margin, level=level)
        for method, reach in _REACHES.items()
    }
    claims = [_claim(pair) for pair in pairs]
    return [
        replace(
            claim,
            these_items=_tested(tests[Method.seed_t], number, Method.seed_t, level),
            like_items=_tested(tests[Method.crossed_t], number, Method.crossed_t, level),
        )
        for number, claim in enumerate(claims)
    ]


def _claim(pair: ArmPair) -> WeightingClaim:
    """Return all but the tests and the sentence."""
    differences_S = (pair.first_SI - pair.second_SI).mean(-1)
    estimate = _POINTS * float(differences_S.mean())
    return WeightingClaim(
        task=pair.task,
        metric=pair.metric,
        factor=pair.factor,
        first=pair.first.label,
        second=pair.second.label,
        against_control=pair.against_control,
        context=pair.context,
        seeds=pair.seeds,
        differences=tuple(_POINTS * float(one) for one in differences_S),
        items=pair.first_SI.shape[-1],
        estimate=estimate,
        these_items=None,
        like_items=None,
        p_sign_flip=float(sign_flip(differences_S)) if len(pair.seeds) >= LEAST else None,
        effect=EffectSize(
            points=estimate,
            cohen_h=cohen_h(float(pair.first_SI.mean()), float(pair.second_SI.mean())),
            d_z=d_z(differences_S),
        ),
        sentence="",
    )


def _tested(family: Family, number: int, method: Method, level: float) -> Tested | None:
    """Return one member's test; None where the seeds do not differ, so that nothing is known."""
    mean, error, half = (
        _POINTS * float(row[number]) for row in (family.mean_M, family.error_M, family.half_width_M)
    )
    if not np.isfinite(error):
        return None
    p_holm, p_tost_holm = float(family.p_holm_M[number]), float(family.p_tost_holm_M[number])
    return Tested(
        standard_error=error,
        interval=Interval(low=mean - half, high=mean + half, level=1 - level),
        p_value=float(family.p_value_M[number]),
        p_holm=p_holm,
        p_tost=float(family.p_tost_M[number]),
        p_tost_holm=p_tost_holm,
        finding=_finding(mean, p_holm, p_tost_holm, level),
        method=method,
    )


def _finding(mean: float, p_holm: float, p_tost_holm: float, level: float) -> Finding:
    if p_holm <= level:
        return Finding.better if mean > 0 else Finding.worse
    return Finding.no_difference if p_tost_holm <= level else Finding.open
