"""The claims of a comparison as forest plots: weightings, then checkpoints."""

from __future__ import annotations

from advdistill.compare.claims import CheckpointClaim, Comparison, WeightingClaim
from advdistill.report.figures import Figure
from advdistill.report.forest import Difference, forest

_DRAWN = 40
"""Pairs of checkpoints beyond which a plot says less than its table."""


def weightings(comparison: Comparison) -> Figure | None:
    """Return the differences between arms, whose unit is the seed; None where none is tested."""
    claims = comparison.weightings
    if not claims:
        return None
    several = len({claim.task for claim in claims}) > 1
    return forest(
        "weightings",
        f"Do the arms differ? By {comparison.factor or 'arm'}, over seeds",
        [_weighting(claim, several=several) for claim in claims],
        caption=(
            f"Mean over seeds of the paired difference, with its {_level(comparison)} interval: "
            "new seeds and new problems of the same kind, the same pool of answers. Filled blue: 0 "
            f"lies outside. Shaded: differences up to {_margin(comparison)}, which were "
            f"to count as none ({comparison.margin.source}). Adjusted p: Holm, over all of these."
        ),
        margin=comparison.margin.points,
    )


def checkpoints(comparison: Comparison) -> Figure | None:
    """Return the differences between single checkpoints; None where none is tested."""
    claims = comparison.checkpoints
    if not claims:
        return None
    several = len({claim.task for claim in claims}) > 1
    left_out = f"Drawn are the first {_DRAWN} of {len(claims)}. " * (len(claims) > _DRAWN)
    return forest(
        "checkpoints",
        "Do two checkpoints differ? The same problems, one seed",
        [_checkpoint(claim, several=several) for claim in claims],
        caption=(
            f"{left_out}These two sets of parameters on problems of the same kind. That another "
            "seed of the same arm would do so again is not said here: this is no claim about "
            f"weightings. Shaded: up to {_margin(comparison)}."
        ),
        margin=comparison.margin.points,
        drawn=_DRAWN,
    )


def _weighting(claim: WeightingClaim, *, several: bool) -> Difference:
    tested = claim.like_items or claim.these_items
    return Difference(
        label=_pair(claim.first, claim.second, claim.task if several else None),
        estimate=claim.estimate,
        low=tested and tested.interval.low,
        high=tested and tested.interval.high,
        p_value=tested and tested.p_value,
        p_adjusted=tested and tested.p_holm,
        over=f"{len(claim.seeds)} seeds",
    )


def _checkpoint(claim: CheckpointClaim, *, several: bool) -> Difference:
    pair = _pair(claim.first, claim.second, claim.task if several else None)
    return Difference(
        label=f"{pair}, seed {claim.seed}",
        estimate=claim.estimate,
        low=claim.interval.low,
        high=claim.interval.high,
        p_value=claim.p_value,
        p_adjusted=None,
        over=f"{claim.items} items",
    )


def _pair(first: str, second: str, task: str | None) -> str:
    where = f", {task}" if task else ""
    return f"{first} \N{MINUS SIGN} {second}{where}"


def _margin(comparison: Comparison) -> str:
    return f"{comparison.margin.points:g} point{'s' * (comparison.margin.points != 1)}"


def _level(comparison: Comparison) -> str:
    levels = {
        claim.like_items.interval.level for claim in comparison.weightings if claim.like_items
    }
    return " and ".join(f"{level:.0%}" for level in sorted(levels)) or "95%"
