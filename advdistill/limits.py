"""What a pool's weights must keep to before a student is trained with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from advdistill.errors import ConfigError, StageError


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds on the health of the weights, beyond which the run stops; null asks for nothing.

    They change no number, so nothing here is part of a key.
    """

    min_effective_share: float | None
    """The effective sample size as a share of the answers with a weight."""
    max_weight_share: float | None
    """Share of the largest |w| in the sum of |w|."""
    max_negative_share: float | None
    """Share of the negative weights in the sum of |w|."""
    max_length_correlation: float | None
    """Pearson's correlation of weight and length among judged answers, whichever its sign."""
    min_mixed_groups: float | None
    """Share of the prompts whose known rewards differ."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not 0 <= value <= 1:
                raise ConfigError(
                    f"limits: {field.name} is {value}; wanted a number from 0 to 1, or null"
                )

    def check(self, health: Mapping[str, float]) -> None:
        """Check the numbers of `Health`.

        Raises:
            StageError: no answer has a weight, or a limit is not kept.
        """
        if not health["positive"] + health["negative"]:
            raise StageError(
                f"stage 'weigh': none of {health['zero']:.0f} answers has a weight "
                f"({health['mixed_groups']:.0%} of the groups mixed, "
                f"{health['all_right_groups']:.0%} all right, "
                f"{health['all_wrong_groups']:.0%} all wrong); wanted at least one to train on; "
                "choose another weighting, or what it does with such groups "
                "(weighting.zero_variance, where it has that)"
            )
        for bound in _BOUNDS:
            limit, found = getattr(self, bound.limit), health.get(bound.number)
            if limit is not None and found is not None and bound.broken(found, limit):
                raise StageError(
                    f"stage 'weigh': {bound.what} is {found:.3g}; wanted "
                    f"{bound.wanted(limit)}; {bound.remedy}, or change limits.{bound.limit}"
                )


@dataclass(frozen=True, kw_only=True)
class _Bound:
    """A limit and the number of `Health` that it bounds: from below where it begins with min."""

    limit: str
    number: str
    what: str
    remedy: str

    def broken(self, found: float, limit: float) -> bool:
        return found < limit if self.limit.startswith("min_") else abs(found) > limit

    def wanted(self, limit: float) -> str:
        return f"at {'least' if self.limit.startswith('min_') else 'most'} {limit:g}"


_BOUNDS = (
    _Bound(
        limit="min_effective_share",
        number="effective_share",
        what="the effective sample size, as a share of the answers with a weight,",
        remedy="soften or cap the weighting, so that fewer answers carry all",
    ),
    _Bound(
        limit="max_weight_share",
        number="largest_share",
        what="the share of the largest weight in the sum of all",
        remedy="soften or cap the weighting, or give it more answers",
    ),
    _Bound(
        limit="max_negative_share",
        number="negative_share",
        what="the share of the negative weights in the sum of all sizes",
        remedy="choose a weighting that pushes down less",
    ),
    _Bound(
        limit="max_length_correlation",
        number="length_correlation",
        what="the correlation of weight and length",
        remedy="look whether the rewards pay for length instead of right answers",
    ),
    _Bound(
        limit="min_mixed_groups",
        number="mixed_groups",
        what="the share of prompts whose rewards differ",
        remedy="choose problems that the teacher sometimes gets wrong, or sample hotter",
    ),
)
