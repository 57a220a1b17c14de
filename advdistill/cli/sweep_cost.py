"""`advdistill sweep cost`: seconds, tokens, GPU-hours, energy by stage, and what sharing saved."""

from __future__ import annotations

from collections.abc import Sequence

from advdistill.cli.sweep_places import chosen, parsed
from advdistill.sweep.costs import StageCost, SweepCost, cost_of

_KILOWATT_HOUR = 3.6e6
"""Joules."""


def main(arguments: Sequence[str]) -> int:
    """Print the table; return 0.

    Raises:
        ConfigError: the arguments do not name one sweep.
        DataError: its folder is damaged.
    """
    description = "Say what a sweep took by stage, and what its cells saved by sharing."
    outputs, rest = parsed("cost", description, arguments)
    folder = chosen("cost", outputs, rest)
    cost = cost_of(folder)
    print(
        f"{'stage':<13}{'uses':>6}{'made':>6}{'seconds':>10}{'saved':>10}"
        f"{'GPU-h':>8}{'kWh':>8}{'tokens':>12}"
    )
    for stage in cost.stages:
        print(_row(stage))
    for line in _sentences(cost):
        print(line)
    return 0


def _row(cost: StageCost) -> str:
    energy = "-" if cost.joules is None else f"{cost.joules / _KILOWATT_HOUR:.3f}"
    tokens = "-" if cost.tokens is None else str(cost.tokens)
    made = cost.artefacts - cost.found - cost.unknown
    return (
        f"{cost.stage:<13}{cost.uses:>6}{made:>6}{cost.seconds:>10.1f}{cost.saved_seconds:>10.1f}"
        f"{cost.gpu_hours:>8.2f}{energy:>8}{tokens:>12}"
    )


def _sentences(cost: SweepCost) -> list[str]:
    spent = sum(stage.seconds for stage in cost.stages)
    saved = sum(stage.saved_seconds for stage in cost.stages)
    found = sum(stage.found for stage in cost.stages)
    unknown = sum(stage.unknown for stage in cost.stages)
    lines = [
        f"Stages took {spent:.1f} s; without sharing the same cells would have taken "
        f"{spent + saved:.1f} s.",
        f"{cost.attempts} attempts = {cost.attempts - cost.failed_attempts} that ended well + "
        f"{cost.failed_attempts} that did not; {cost.attempt_seconds:.1f} s, "
        f"{cost.attempt_gpu_hours:.2f} GPU-hours, from their start to their end.",
    ]
    if found:
        lines.append(f"{found} artefacts were made by other runs before; they count as saved.")
    if unknown:
        lines.append(f"Of {unknown} artefacts it is not known how long they took; they count as 0.")
    return lines
