"""Main effects and interactions where the runs vary more than one factor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from advdistill.compare.arms import Arm
from advdistill.compare.claims import EffectClaim
from advdistill.compare.scored import Scored
from advdistill.statistics.factorial import effects
from advdistill.statistics.holm import holm

_POINTS = 100


def effect_claims(
    arms: Sequence[Arm], tasks: Sequence[str], scores: Scored
) -> Iterator[EffectClaim]:
    """Yield the effects on each task, of plain arms; none where fewer than two factors vary.

    One row is one cell: the mean of its items. Items are the same in all and stand for
    themselves alone; where a factor changes the pool, each of its levels is one pool.
    """
    plain = [arm for arm in arms if not arm.control]
    factors = [
        factor
        for factor in dict.fromkeys(name for arm in plain for name in arm.levels)
        if len({arm.levels.get(factor) for arm in plain}) > 1
    ]
    if len(factors) < 2:
        return
    for task in tasks:
        cells = [
            (arm, seed, _POINTS * float(np.mean(list(scores.of(run, task).values()))))
            for arm in plain
            for seed, run in arm.runs.items()
            if task in run.tasks
        ]
        yield from _effects(cells, factors, task, scores.metric)


def _effects(
    cells: Sequence[tuple[Arm, int, float]], factors: Sequence[str], task: str, metric: str
) -> Iterator[EffectClaim]:
    values = [value for _, _, value in cells]
    levels = {factor: [arm.levels.get(factor, "none") for arm, _, _ in cells] for factor in factors}
    found = effects(values, levels, [seed for _, seed, _ in cells])
    adjusted = holm(np.array([effect.p_value for effect in found])) if found else []
    for effect, p_holm in zip(found, adjusted, strict=True):
        spelt = [
            ", ".join(row) for row in zip(*(levels[name] for name in effect.factors), strict=True)
        ]
        yield EffectClaim(
            task=task,
            metric=metric,
            term=" : ".join(effect.factors),
            f_value=effect.f_value,
            degrees=effect.degrees,
            p_value=effect.p_value,
            p_holm=float(p_holm),
            partial_eta_squared=effect.partial_eta_squared,
            means={
                level: float(
                    np.mean([v for v, name in zip(values, spelt, strict=True) if name == level])
                )
                for level in dict.fromkeys(spelt)
            },
        )
