"""Likelihood of right answers against that of wrong ones, both per token.

Axes: `B` responses, `N` response tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import TYPE_CHECKING

from advdistill.interfaces import Responses, Scope, TokenBatch
from advdistill.objective import normalising
from advdistill.objective.likelihood import floored_N
from advdistill.objective.ranges import check_ranges

if TYPE_CHECKING:
    import torch


class Normaliser(StrEnum):
    """What the sum over the responses of one optimizer step is divided by.

    Each response's loss is divided by its own tokens first: that is part of the method.
    """

    sequences = "sequences"
    """Their number."""
    constant = "constant"
    """A fixed number."""


@dataclass(frozen=True, kw_only=True)
class REDI:
    """|w| times the mean NLL of a right answer, or -alpha |w| times that of a wrong one.

    REDI, arXiv 2505.24850, the objective of its second stage. Reconstruction: the paper pairs one
    right with one wrong answer of each problem; here each response counts by itself, so that their
    shares follow the pool and the weights. A pair of weights 1 has the paper's loss, divided by
    two sequences. The verifier says which side a response is on, the weight only how much it is.
    """

    normaliser: Normaliser
    constant: float
    """Read by `normaliser: constant` alone."""
    alpha: float
    """How much wrong answers count; 0 leaves them out, 1 is symmetric."""
    allow_unbounded: bool
    """The consent that any alpha above 0 needs."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(
            "redi",
            ("constant", self.constant, 0 < self.constant < inf, "a number above 0"),
            ("alpha", self.alpha, 0 <= self.alpha < inf, "0 or more"),
        )

    @property
    def scope(self) -> Scope:
        """How much of a step a token's loss depends on."""
        return Scope.token

    @property
    def needs_teacher(self) -> bool:
        """Whether it reads `teacher_B`."""
        return False

    @property
    def needs_reference(self) -> bool:
        """Whether it reads `reference_B`."""
        return False

    def objection(self, *, signed: bool) -> str | None:  # noqa: ARG002 - the sign is not read
        """Return why it will not train: the likelihood of wrong answers has no lower bound."""
        if self.alpha == 0 or self.allow_unbounded:
            return None
        return (
            f"objective 'redi': alpha is {self.alpha}, which lowers the likelihood of wrong "
            "answers without bound and can ruin the student on a fixed pool; wanted your consent "
            "and a small learning rate; set objective.allow_unbounded=true, or objective.alpha=0 "
            "to leave wrong answers out"
        )

    def loss(self, batch: TokenBatch) -> torch.Tensor:
        """Return the sum over the batch, a scalar, not divided by anything that spans responses."""
        responses = batch.responses
        size_B = responses.weights_B.abs() / responses.lengths_B
        slope_B = size_B.where(responses.right_B, -self.alpha * size_B)
        return -(slope_B[batch.response_N] * floored_N(batch.logprobs_N)).sum()

    def denominator(self, responses: Responses) -> float:
        """Return what the sum is divided by; 0 where no response has a loss."""
        counted_B = responses.weights_B != 0
        if self.alpha == 0:
            counted_B = counted_B & responses.right_B
        return normalising.denominator(
            counted_B,
            responses.lengths_B,
            normalising.Normaliser(self.normaliser.value),
            self.constant,
        )
