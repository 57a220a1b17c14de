"""Steps of weighted responses, and what an objective makes of them.

Axes: `B` responses, `N` response tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log, nan
from random import Random

import pytest
import torch

from advdistill.interfaces import Objective, Responses, TokenBatch


@dataclass(frozen=True, kw_only=True)
class Row:
    """One response with the log-probs that the student gives its tokens."""

    logprobs: tuple[float, ...]
    weight: float = 1.0
    right: bool = True
    group: int = 0
    teacher: float = nan
    reference: float = nan


def row(*probabilities: float, weight: float = 1.0, right: bool = True, group: int = 0) -> Row:
    """Return a response by the probabilities of its tokens."""
    return Row(logprobs=tuple(map(log, probabilities)), weight=weight, right=right, group=group)


def step(seed: int = 0, *, prompts: int = 5, width: int = 6, zeros: bool = True) -> list[Row]:
    """Return prompts with 1 to `width` responses, each with its own length, weight and verdict.

    The first prompt has both kinds, the second right ones only, the third wrong ones only.
    Signs of weights are drawn without regard to the verdict.
    """
    draw = Random(seed)
    rows = []
    for group in range(prompts):
        for number in range(2 if group == 0 else draw.randint(1, width)):
            logprobs = tuple(log(draw.uniform(0.02, 0.98)) for _ in range(draw.randint(1, 5)))
            rows.append(
                Row(
                    logprobs=logprobs,
                    weight=draw.uniform(0.2, 2.5) * draw.choice([-1, 1]),
                    right={0: number == 0, 1: True, 2: False}.get(group, draw.random() < 0.5),
                    group=group,
                    teacher=sum(logprobs) + draw.uniform(-1.5, 1.5),
                    reference=sum(logprobs) + draw.uniform(-3, 3),
                )
            )
    if not zeros:
        return rows
    return [replace(row, weight=0.0) if draw.random() < 0.2 else row for row in rows]


def responses(rows: Sequence[Row]) -> Responses:
    """Return what is known of the rows beside their tokens, as the loop gives it."""
    return Responses(
        weights_B=torch.tensor([row.weight for row in rows], dtype=torch.float64),
        lengths_B=torch.tensor([len(row.logprobs) for row in rows], dtype=torch.int64),
        right_B=torch.tensor([row.right for row in rows], dtype=torch.bool),
        groups_B=torch.tensor([row.group for row in rows], dtype=torch.int64),
        teacher_B=torch.tensor([row.teacher for row in rows], dtype=torch.float64),
        reference_B=torch.tensor([row.reference for row in rows], dtype=torch.float64),
    )


def batch(rows: Sequence[Row], dtype: torch.dtype = torch.float64) -> TokenBatch:
    """Return all tokens of the rows; their log-probs take a gradient."""
    logprobs_N = torch.tensor([value for row in rows for value in row.logprobs], dtype=dtype)
    places = [place for place, row in enumerate(rows) for _ in row.logprobs]
    return TokenBatch(
        logprobs_N=logprobs_N.requires_grad_(),
        response_N=torch.tensor(places, dtype=torch.int64),
        responses=responses(rows).beside(logprobs_N),
    )


def found(
    objective: Objective, rows: Sequence[Row], dtype: torch.dtype = torch.float64
) -> tuple[float, list[list[float]]]:
    """Return the loss and, row by row, its derivative by the log-prob of each token."""
    whole = batch(rows, dtype)
    loss = objective.loss(whole)
    assert loss.shape == ()
    assert loss.dtype == dtype
    (slopes_N,) = torch.autograd.grad(loss, whole.logprobs_N)
    slopes = slopes_N.split([len(row.logprobs) for row in rows])
    return loss.item(), [part.tolist() for part in slopes]


def assert_agrees(
    objective: Objective, rows: Sequence[Row], loss: float, slopes: Sequence[Sequence[float]]
) -> None:
    """Compare loss and derivatives with those worked out by hand."""
    loss_found, slopes_found = found(objective, rows)
    assert loss_found == pytest.approx(loss, rel=1e-9, abs=1e-9)
    for one, other in zip(slopes_found, slopes, strict=True):
        assert one == pytest.approx(list(other), rel=1e-9, abs=1e-9)
