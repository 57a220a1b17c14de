"""Stops a training that has collapsed: right and wrong answers forgotten while gradients surge.

A loss without lower bound on wrong answers can end there, as REDI (arXiv 2505.24850) shows: the
log-probs of right and of wrong answers fall together and the update's norm surges. The paper finds
a slow joint decline alone benign, so both must be seen at once.

Reconstruction: the paper states no rule. Steps see different prompts, so the last steps are
compared with the first ones by means, and the norm, which has spikes of its own, by medians.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean, median

from advdistill.errors import StageError
from advdistill.student.finetune import Finetune

Vitals = Mapping[str, list[float]]
"""The first and the last values of each number by its name."""

NORM, RIGHT, WRONG = "gradient_norm", "right_logprob", "wrong_logprob"


def remember(vitals: Vitals, numbers: Mapping[str, float], student: Finetune) -> Vitals:
    """Return the vitals with those of one more step; a step may lack some."""
    window = student.collapse_window
    if window is None:
        return vitals
    both = {name: [*vitals.get(name, ()), *_known(numbers, name)] for name in (NORM, RIGHT, WRONG)}
    return {name: values[:window] + values[window:][-window:] for name, values in both.items()}


def require_sound(vitals: Vitals, student: Finetune, step: int) -> None:
    """Check the last steps against the first ones, once there are as many of either.

    Raises:
        StageError: the training has collapsed.
    """
    window = student.collapse_window
    if window is None or any(len(vitals.get(name, ())) < 2 * window for name in (RIGHT, WRONG)):
        return
    first = {name: values[:window] for name, values in vitals.items()}
    last = {name: values[window:] for name, values in vitals.items()}
    drops = {name: fmean(first[name]) - fmean(last[name]) for name in (RIGHT, WRONG)}
    before, now = median(first[NORM]), median(last[NORM])
    if min(drops.values()) <= student.collapse_drop or now <= student.collapse_surge * before:
        return
    right, wrong = (f"{fmean(last[name]):.3g} ({-drops[name]:+.3g})" for name in (RIGHT, WRONG))
    raise StageError(
        f"student: the training has collapsed by step {step}: over the last {window} steps, and "
        f"against the first {window}, the mean log-prob per token is {right} for right answers and "
        f"{wrong} for wrong ones (limit -{student.collapse_drop:g}), and the gradient norm "
        f"{now:.3g}, from {before:.3g} (limit {student.collapse_surge:g} times); bound the loss of "
        "wrong answers (objective.negative=unlikelihood), lower student.learning_rate, or set "
        "student.collapse_window=null to go on; the checkpoints of earlier steps are kept"
    )


def _known(numbers: Mapping[str, float], name: str) -> list[float]:
    return [numbers[name]] if name in numbers else []
