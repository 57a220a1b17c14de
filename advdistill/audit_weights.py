"""Counterfactual re-judging: the weights of a pool if another verifier had judged it.

Axes: `P` prompts, `G` samples per prompt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from advdistill.audit import Pool, totals_of
from advdistill.budget import Budget
from advdistill.interfaces import Weighting
from advdistill.pools import groups_of, weights_of
from advdistill.records import Response, Reward, Verdict, Weight
from advdistill.stages import weigh
from advdistill.tables import to_rows, to_table


@dataclass(frozen=True, kw_only=True)
class PromptChange:
    """One prompt under both verifiers."""

    prompt_id: str
    answers: int
    passed_before: int
    passed_after: int
    flipped: int
    """Weights whose sign changes."""
    moved: float
    """Sum of the absolute changes of its weights."""


@dataclass(frozen=True, kw_only=True)
class Reweighing:
    """What a second verifier would do to the weights."""

    answers: int
    prompts: int
    verdicts: int
    """Answers whose verdict changes."""
    changed: int
    """Weights that change at all: in a group, one verdict moves them all."""
    flipped: int
    to_zero: int
    from_zero: int
    moved_share: float
    """Sum of the absolute changes, as a share of the sum of the absolute weights."""
    affected: Sequence[PromptChange]
    """Every prompt whose weights change, the most first."""
    stale: int
    """Stored weights that the run's own weighting and budget do not give today."""


def reweigh(
    pool: Pool, second: Sequence[Reward], weighting: Weighting, budget: Budget
) -> Reweighing:
    """Return what becomes of the weights with the rows of another verifier, one for each answer.

    Raises:
        StageError: a row is missing, or the weighting breaks its promise.
    """
    responses = to_table(Response, pool.responses)
    before, after = (
        groups_of(responses, to_table(Reward, rows)) for rows in (pool.rewards, second)
    )
    old_PG, new_PG = (budget.scaled_PG(weigh(weighting, one)) for one in (before, after))
    changed_PG = ~np.isclose(old_PG, new_PG, rtol=1e-9, atol=1e-12)
    moved_PG = np.where(changed_PG, np.abs(new_PG - old_PG), 0.0)
    flipped_PG = np.sign(old_PG) * np.sign(new_PG) < 0
    totals, others = totals_of(pool.rewards), totals_of(second)
    passed, passing = _passes(totals.values()), _passes(others.values())
    return Reweighing(
        answers=len(pool.responses),
        prompts=len(before.prompt_ids),
        verdicts=sum(totals[key].verdict is not others[key].verdict for key in totals),
        changed=int(changed_PG.sum()),
        flipped=int(flipped_PG.sum()),
        to_zero=int((changed_PG & (new_PG == 0)).sum()),
        from_zero=int((changed_PG & (old_PG == 0)).sum()),
        moved_share=float(moved_PG.sum() / max(np.abs(old_PG).sum(), 1e-300)),
        affected=[
            PromptChange(
                prompt_id=before.prompt_ids[row],
                answers=int(before.present_PG[row].sum()),
                passed_before=passed[before.prompt_ids[row]],
                passed_after=passing[before.prompt_ids[row]],
                flipped=int(flipped_PG[row].sum()),
                moved=float(moved_PG[row].sum()),
            )
            for row in np.argsort(-moved_PG.sum(1), kind="stable")
            if changed_PG[row].any()
        ],
        stale=_stale(pool, responses, old_PG),
    )


def _passes(totals: Iterable[Reward]) -> Counter[str]:
    return Counter(row.prompt_id for row in totals if row.verdict is Verdict.passed)


def _stale(pool: Pool, responses: pa.Table, weights_PG: NDArray[np.float64]) -> int:
    stored = {(weight.prompt_id, weight.sample): weight.value for weight in pool.weights}
    today = to_rows(Weight, weights_of(weights_PG, responses))
    return sum(
        not np.isclose(one.value, stored[one.prompt_id, one.sample], rtol=1e-9, atol=1e-12)
        for one in today
    )
