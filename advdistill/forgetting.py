"""Whether a training made the pool's right answers less likely to the student than they were.

Weights below 0 can do that within a few steps, before the rule for a collapse has steps to compare
with, and greedy answers, which dev accuracy reads, may hide it; what the student draws does not.

Reconstruction: no source states a limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import fmean

_LAST = 8
"""Steps see different prompts: so many of the last are averaged."""
_FALL = 0.1
"""Nats per token."""


def logprobs_of(curves: Iterable[Mapping[str, float]], best_step: float | None) -> dict[str, float]:
    """Return the mean log-prob per token, before training and at the end, of right and of wrong.

    The first step sees the untrained student; the end is that of the step that was kept.
    """
    rows = [row for row in curves if best_step is None or row["step"] <= best_step]
    found: dict[str, float] = {}
    for name in ("right_logprob", "wrong_logprob"):
        values = [row[name] for row in rows if name in row]
        if len(values) > 1:
            found[f"{name}_before"] = values[0]
            found[f"{name}_after"] = fmean(values[1:][-_LAST:])
    return found


def forgotten(logprobs: Mapping[str, float]) -> bool:
    """Return whether right answers have become so much less likely that it should be said."""
    name = "right_logprob"
    if f"{name}_after" not in logprobs:
        return False
    return logprobs[f"{name}_after"] < logprobs[f"{name}_before"] - _FALL
