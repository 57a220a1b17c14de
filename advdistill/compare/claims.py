"""What a comparison found: rows of scores, claims, refusals, and how often the items were seen.

Scores and differences are in points, that is, hundredths of the items, unless a name says share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Method(StrEnum):
    """The test that a p-value comes from."""

    mcnemar = "exact McNemar"
    item_t = "paired t over items"
    seed_t = "paired t over seeds"
    crossed_t = "paired t over seeds, item variance added"


class Finding(StrEnum):
    """What a claim comes to."""

    better = "better"
    worse = "worse"
    no_difference = "no difference"
    """Smaller than the margin, by TOST."""
    open = "open"
    """Neither a difference nor its absence is shown."""


class MarginSource(StrEnum):
    """Where the margin for "no difference" was declared."""

    run = "declared in the runs' configuration"
    default = "the default, declared in no run"
    comparison = "given at the comparison, not before the runs"


@dataclass(frozen=True, kw_only=True)
class Margin:
    """The largest difference that counts as none."""

    points: float
    source: MarginSource


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A two-sided confidence interval, in points."""

    low: float
    high: float
    level: float
    """Such as 0.95."""


@dataclass(frozen=True, kw_only=True)
class EffectSize:
    """The difference on other scales."""

    points: float
    cohen_h: float
    """Of the two mean shares, Cohen 1988: 2 asin sqrt p - 2 asin sqrt q."""
    d_z: float | None
    """Mean over standard deviation of the paired differences; None where these are all equal."""


@dataclass(frozen=True, kw_only=True)
class CellScore:
    """One model's score on one set of items: a row of the table."""

    run: str
    """The run folder."""
    arm: str
    """How people read the levels, such as `softmax` or `softmax, n_samples=4`."""
    levels: Mapping[str, str]
    """By factor, seed aside."""
    seed: int | None
    """None of teacher and base student, which no seed touches."""
    control: bool
    """A null cell: its weights are mixed up, or its size alone is matched."""
    role: str
    """student, base or teacher."""
    task: str
    metric: str
    """accuracy, pass@k or maj@k."""
    value: float
    """In points."""
    stderr: float | None
    """Over items, in points."""
    items: int


@dataclass(frozen=True, kw_only=True)
class CheckpointClaim:
    """Question (a): do two checkpoints differ on the same items? Says nothing of weightings."""

    task: str
    metric: str
    first: str
    second: str
    seed: int
    estimate: float
    """First minus second."""
    interval: Interval
    """Of the difference on items of the same kind."""
    p_value: float
    method: Method
    effect: EffectSize
    items: int
    only_first: int | None
    """Items that the first alone got right; None where an item has several answers."""
    only_second: int | None


@dataclass(frozen=True, kw_only=True)
class Tested:
    """A paired difference with its test, for one reach of the claim."""

    standard_error: float
    """In points."""
    interval: Interval
    """Of this difference alone, not of the family."""
    p_value: float
    p_holm: float
    """Adjusted over the family."""
    p_tost: float
    """Of the hypothesis that the difference is the margin or more."""
    p_tost_holm: float
    finding: Finding
    method: Method


@dataclass(frozen=True, kw_only=True)
class WeightingClaim:
    """Question (b): do two arms differ? The unit is the seed; the pool is the one they share."""

    task: str
    metric: str
    factor: str
    """What differs between the two, such as `weighting`."""
    first: str
    """The arm's label."""
    second: str
    """The baseline's, or a control's."""
    against_control: bool
    context: Mapping[str, str]
    """The levels of the other factors, equal in both."""
    seeds: tuple[int, ...]
    differences: tuple[float, ...]
    """By seed, first minus second."""
    items: int
    estimate: float
    """Their mean."""
    these_items: Tested | None
    """Over new seeds on these very items; None where the differences of all seeds are equal."""
    like_items: Tested | None
    """Over new seeds and new items of the same kind: the claim that is made."""
    p_sign_flip: float | None
    """Exact, from 6 seeds; assumes no normality."""
    effect: EffectSize
    sentence: str


@dataclass(frozen=True, kw_only=True)
class EffectClaim:
    """A main effect or an interaction of several factors, on per-cell scores, seed as block."""

    task: str
    metric: str
    term: str
    """Such as `weighting` or `weighting:n_samples`."""
    f_value: float
    degrees: tuple[float, float]
    p_value: float
    p_holm: float
    partial_eta_squared: float
    means: Mapping[str, float]
    """By level, in points."""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A comparison that is not made, and why."""

    first: str
    second: str
    reason: str
    """What was found, what was wanted, and the remedy."""
    kind: str
    """backend, items, test set, pool, budget, settings, seeds, missing or torn."""
    listed: tuple[str, ...] = ()
    """The items or settings in question, all of them."""


@dataclass(frozen=True, kw_only=True)
class Looks:
    """How often the scores of one set of test items were looked at."""

    task: str
    items_digest: str
    looks: int
    """Comparisons of different checkpoints or questions, this one included."""
    checkpoints: int
    """Different checkpoints that were ever compared on it."""
    margins: tuple[float, ...]
    """Every margin that was used, in points; more than one is a warning."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Everything that a set of finished runs allows to be said."""

    title: str
    factor: str | None
    """What the weightings' question varies; None where nothing does."""
    baseline: str | None
    margin: Margin
    level: float
    """Of the family, such as 0.05."""
    cells: tuple[CellScore, ...]
    checkpoints: tuple[CheckpointClaim, ...]
    weightings: tuple[WeightingClaim, ...]
    effects: tuple[EffectClaim, ...]
    refusals: tuple[Refusal, ...]
    notes: tuple[str, ...]
    """What a reader must know of all claims: pool, training spent, margins."""
    sentences: tuple[str, ...]
    """The claims in plain words, in the order in which to read them."""
    looks: tuple[Looks, ...]
