"""The likelihood's loss, each token's being weighed with its own probability.

Axes: `B` responses, `N` response tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import TYPE_CHECKING

from advdistill.interfaces import Responses, Scope, TokenBatch
from advdistill.objective.likelihood import floored_N, unlikelihood_N
from advdistill.objective.normalising import Normaliser, denominator, per_token_B
from advdistill.objective.ranges import check_ranges

if TYPE_CHECKING:
    import torch


class Negative(StrEnum):
    """The loss of a response of negative weight."""

    unlikelihood = "unlikelihood"
    """-log(1 - probability) of each token; the slope is |w| p / (1 - p)."""
    drop = "drop"
    """None."""
    dft = "dft"
    """The negative of the same loss; the slope is |w| p, so that it fades and needs no consent."""


@dataclass(frozen=True, kw_only=True)
class DFT:
    """w times -p log p of each token, p in front being a number and not differentiated.

    DFT (dynamic fine-tuning), arXiv 2508.05629, for w = 1. Reconstruction: the paper has neither
    weights nor wrong answers; both are choices here.
    """

    normaliser: Normaliser
    constant: float
    """Read by `normaliser: constant` alone."""
    weighted: bool
    """False reads the sign of a weight alone: 1, 0 or -1."""
    negative: Negative

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(
            "dft", ("constant", self.constant, 0 < self.constant < inf, "a number above 0")
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

    def objection(self, *, signed: bool) -> str | None:  # noqa: ARG002 - bounded either way
        """Return None: it is bounded below with weights of any sign."""
        return None

    def loss(self, batch: TokenBatch) -> torch.Tensor:
        """Return the sum over the batch, a scalar, not divided by anything that spans responses."""
        responses = batch.responses
        read_B = responses.weights_B if self.weighted else responses.weights_B.sign()
        weights_N = per_token_B(read_B, responses.lengths_B, self.normaliser)[batch.response_N]
        plain_N = weights_N if self.negative is Negative.dft else weights_N.clamp(min=0)
        logprobs_N = floored_N(batch.logprobs_N)
        loss_N = -plain_N * logprobs_N.detach().exp() * logprobs_N
        if self.negative is Negative.unlikelihood:
            loss_N = loss_N + weights_N.neg().clamp(min=0) * unlikelihood_N(batch.logprobs_N)
        return loss_N.sum()

    def denominator(self, responses: Responses) -> float:
        """Return what the sum is divided by; 0 where no response has a loss."""
        weights_B = responses.weights_B
        counted_B = weights_B > 0 if self.negative is Negative.drop else weights_B != 0
        return denominator(counted_B, responses.lengths_B, self.normaliser, self.constant)
