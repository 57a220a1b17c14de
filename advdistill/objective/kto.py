"""Right answers above, wrong ones below a reference point, without pairs.

Axes: `B` responses.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import TYPE_CHECKING

from advdistill.interfaces import Responses, Scope, TokenBatch
from advdistill.objective.likelihood import floored_N
from advdistill.objective.prompts import totals_B
from advdistill.objective.ranges import check_ranges

if TYPE_CHECKING:
    import torch


class Normaliser(StrEnum):
    """What the sum over the responses of one optimizer step is divided by."""

    sequences = "sequences"
    """Their number; the loss of a response is one number, whatever its length."""
    prompts = "prompts"
    """The number of prompts, each one's losses being averaged first."""
    constant = "constant"
    """A fixed number."""


class ReferencePoint(StrEnum):
    """What the log-ratio of student and base student is held against."""

    zero = "zero"
    """0: a response is raised or lowered from where the base student has it."""
    group = "group"
    """The mean over the counted responses to the prompt, at least 0 and not differentiated."""


@dataclass(frozen=True, kw_only=True)
class KTO:
    """|w| (1 - sigmoid(beta times how far a response is on its side of the reference point)).

    KTO, arXiv 2402.01306. Reconstruction: the paper's reference point is a divergence, estimated
    on prompts and responses that do not belong together; here it is 0 or the prompt's mean.
    """

    normaliser: Normaliser
    constant: float
    """Read by `normaliser: constant` alone."""
    beta: float
    desirable: float
    """What the loss of right answers is multiplied by."""
    undesirable: float
    """The same for wrong ones."""
    reference_point: ReferencePoint

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(
            "kto",
            ("constant", self.constant, 0 < self.constant < inf, "a number above 0"),
            ("beta", self.beta, 0 < self.beta < inf, "a number above 0"),
            ("desirable", self.desirable, 0 < self.desirable < inf, "a number above 0"),
            ("undesirable", self.undesirable, 0 < self.undesirable < inf, "a number above 0"),
        )

    @property
    def scope(self) -> Scope:
        """How much of a step a token's loss depends on."""
        return Scope.step

    @property
    def needs_teacher(self) -> bool:
        """Whether it reads `teacher_B`."""
        return False

    @property
    def needs_reference(self) -> bool:
        """Whether it reads `reference_B`."""
        return True

    def objection(self, *, signed: bool) -> str | None:  # noqa: ARG002 - the sign is not read
        """Return None: the loss of a response is between 0 and its weight."""
        return None

    def loss(self, batch: TokenBatch) -> torch.Tensor:
        """Return the sum over the batch, a scalar, not divided by anything that spans prompts."""
        responses = batch.responses
        counted_B = responses.weights_B != 0
        raised_B = batch.sums_B(floored_N(batch.logprobs_N)) - responses.reference_B
        raised_B = raised_B.masked_fill(~counted_B, 0.0)
        counts_B = totals_B(counted_B.to(raised_B.dtype), responses.groups_B).clamp(min=1)
        above_B = raised_B - self._point_B(raised_B.detach(), counts_B, responses)
        size_B = responses.weights_B.abs()
        if self.normaliser is Normaliser.prompts:
            size_B = size_B / counts_B
        right_B = self.desirable * (-self.beta * above_B).sigmoid()
        wrong_B = self.undesirable * (self.beta * above_B).sigmoid()
        return (size_B * right_B.where(responses.right_B, wrong_B)).sum()

    def denominator(self, responses: Responses) -> float:
        """Return what the sum is divided by; 0 where no response has a weight."""
        counted_B = responses.weights_B != 0
        if not counted_B.any():
            return 0.0
        return {
            Normaliser.sequences: float(counted_B.sum()),
            Normaliser.prompts: float(len(responses.groups_B[counted_B].unique())),
            Normaliser.constant: self.constant,
        }[self.normaliser]

    def _point_B(
        self, raised_B: torch.Tensor, counts_B: torch.Tensor, responses: Responses
    ) -> torch.Tensor:
        if self.reference_point is ReferencePoint.zero:
            return raised_B.new_zeros(len(raised_B))
        return (totals_B(raised_B, responses.groups_B) / counts_B).clamp(min=0)
