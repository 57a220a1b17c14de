"""Claims in plain words."""

from __future__ import annotations

from collections.abc import Sequence

from advdistill.compare.claims import (
    CheckpointClaim,
    Finding,
    Interval,
    Margin,
    Tested,
    WeightingClaim,
)
from advdistill.statistics.sign_flip import LEAST

_SHOWN = (Finding.better, Finding.worse)


def weighting_sentence(claim: WeightingClaim, margin: Margin, *, level: float) -> str:
    """Return what an arm's difference from the baseline comes to."""
    where = _where(claim)
    wide, narrow = claim.like_items, claim.these_items
    if wide is None:
        return (
            f"{where}Whether {claim.first} differs from {claim.second} cannot be said: the "
            f"difference is the same {_signed(claim.estimate)} with each of {len(claim.seeds)} "
            "seeds, so that nothing is known of how far another seed would differ."
        )
    test = f"({_made_from(claim)}; Holm p {_p(wide.p_holm)})"
    if wide.finding in _SHOWN:
        better = wide.finding is Finding.better
        interval = wide.interval if better else _turned(wide.interval)
        small = f"; yet it is within the margin of {_points(margin.points)}"
        return (
            f"{where}{claim.first} {'beats' if better else 'falls behind'} {claim.second} by "
            f"{_points(abs(claim.estimate))} {_interval(interval)} {test}"
            f"{small if wide.p_tost_holm <= level else ''}."
        )
    if wide.finding is Finding.no_difference:
        return (
            f"{where}{claim.first} and {claim.second} differ by less than the margin of "
            f"{_points(margin.points)}: {_signed(claim.estimate)} {_interval(wide.interval)} "
            f"({_made_from(claim)}; TOST, Holm p {_p(wide.p_tost_holm)})."
        )
    return (
        f"{where}Whether {claim.first} differs from {claim.second} is open: "
        f"{_signed(claim.estimate)} {_interval(wide.interval)} {test}; neither a difference nor "
        f"one within the margin of {_points(margin.points)} is shown.{_on_these(claim, narrow)}"
    )


def control_sentence(claim: WeightingClaim, called: str, *, mixed: bool) -> str:
    """Return whether an arm that beats the baseline also beats a control, and what that means."""
    wide = claim.like_items
    numbers = (
        f" ({_signed(claim.estimate)} {_interval(wide.interval)}, Holm p {_p(wide.p_holm)})"
        if wide is not None
        else f" ({_signed(claim.estimate)} with each seed)"
    )
    what = "that the right answers get the weight" if mixed else "more than the amount of training"
    if wide is not None and wide.finding is Finding.better:
        meant = f"{what} matters" if mixed else f"{what} is at work"
        return f"It also beats {called}{numbers}: {meant}."
    meant = "is not shown to matter" if mixed else "is not shown to be at work"
    return f"It does not beat {called}{numbers}: {what} {meant}."


def no_control_sentence(arm: str) -> str:
    """Return what cannot be said of an arm whose weights no null cell mixed up."""
    return (
        f"No null cell mixes up the weights of {arm}: whether it matters that the right answers "
        "get the weight is not tested."
    )


def sign_flip_sentence(claim: WeightingClaim) -> str | None:
    """Return a warning where the test without normality does not bear a claim out."""
    wide = claim.like_items
    if claim.p_sign_flip is None or wide is None or wide.finding not in _SHOWN:
        return None
    if claim.p_sign_flip <= 0.05:
        return None
    return (
        f"Flipping the signs of the {len(claim.seeds)} differences, which assumes no normality, "
        f"does not bear this out (p {_p(claim.p_sign_flip)})."
    )


def checkpoint_sentence(claim: CheckpointClaim) -> str:
    """Return what two checkpoints' difference comes to, and that it is theirs alone."""
    counts = (
        f"{claim.only_first} items only the first gets, {claim.only_second} only the second; "
        if claim.only_first is not None
        else ""
    )
    return (
        f"These two checkpoints, {claim.first} and {claim.second} of seed {claim.seed}, "
        f"{'differ' if claim.p_value <= 0.05 else 'are not shown to differ'} on '{claim.task}': "
        f"{_signed(claim.estimate)} {_interval(claim.interval)} on {claim.items} items "
        f"({counts}{claim.method} p {_p(claim.p_value)})."
    )


def few_seeds_sentence(first: str, second: str, seeds: Sequence[int], *, least: int) -> str:
    """Return why nothing is said of two arms."""
    found = f"{len(seeds)} seed{'s' if len(seeds) != 1 else ''}"
    return (
        f"{first} and {second} share {found}: that says whether two checkpoints differ, not "
        "whether the arms do, since another seed could turn the sign; wanted at least "
        f"{least} seeds each (a sign-flip test from {LEAST}); add them with seeds={least}"
    )


def conditional_sentence(pools: Sequence[str]) -> str:
    """Return what all claims about arms rest on."""
    return (
        f"All claims about arms hold for the one pool of answers that they share "
        f"({', '.join(digest[:12] for digest in pools)}), this teacher and this student: another "
        "draw of the pool could tell otherwise, and no test here covers that."
    )


def _where(claim: WeightingClaim) -> str:
    with_levels = ", ".join(f"{name}={level}" for name, level in claim.context.items())
    return f"With {with_levels}: " if with_levels else ""


def _on_these(claim: WeightingClaim, narrow: Tested | None) -> str:
    if narrow is None or narrow.finding not in _SHOWN:
        return ""
    word = "better" if narrow.finding is Finding.better else "worse"
    return (
        f" On these very {claim.items} items it is {word} under new seeds "
        f"{_interval(narrow.interval)} (Holm p {_p(narrow.p_holm)}); that it would be on others "
        "is not shown."
    )


def _made_from(claim: WeightingClaim) -> str:
    metric = "" if claim.metric == "accuracy" else f"{claim.metric}, "
    return f"{metric}{len(claim.seeds)} seeds, {claim.items} items of '{claim.task}'"


def _turned(interval: Interval) -> Interval:
    return Interval(low=-interval.high, high=-interval.low, level=interval.level)


def _interval(interval: Interval) -> str:
    return f"[{interval.low:.1f}, {interval.high:.1f}]"


def _points(value: float) -> str:
    return f"{value:.3g} point" if value == 1 else f"{value:.1f} points"


def _signed(value: float) -> str:
    return f"{value:+.1f} points"


def _p(value: float) -> str:
    return "< 0.0001" if value < 1e-4 else f"= {value:.2g}"
