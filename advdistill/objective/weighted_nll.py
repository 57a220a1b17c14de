"""Negative log-likelihood of weighted responses; negative weights take a bounded loss.

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
    """-log(1 - probability) of each token, which is bounded and fades as the response does."""
    drop = "drop"
    """None."""
    nll = "nll"
    """The negative of the likelihood's loss, which has no lower bound."""


@dataclass(frozen=True, kw_only=True)
class WeightedNLL:
    """w times the negative log-likelihood for w > 0, and a choice for w < 0."""

    normaliser: Normaliser
    constant: float
    """Read by `normaliser: constant` alone."""
    negative: Negative
    allow_unbounded: bool
    """The consent that `negative: nll` needs where weights can be negative."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(
            "weighted_nll",
            ("constant", self.constant, 0 < self.constant < inf, "a number above 0"),
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

    def objection(self, *, signed: bool) -> str | None:
        """Return why it will not train: a plain likelihood of negative weight has no bound."""
        if self.negative is not Negative.nll or self.allow_unbounded or not signed:
            return None
        return (
            "objective 'weighted_nll': negative is 'nll' and the weights can be below 0, a loss "
            "without lower bound that can ruin the student on a fixed pool; wanted "
            "'unlikelihood' or 'drop'; set objective.negative=unlikelihood, or "
            "objective.allow_unbounded=true to train with it all the same"
        )

    def loss(self, batch: TokenBatch) -> torch.Tensor:
        """Return the sum over the batch, a scalar, not divided by anything that spans responses."""
        responses = batch.responses
        weights_B = per_token_B(responses.weights_B, responses.lengths_B, self.normaliser)
        weights_N = weights_B[batch.response_N]
        plain_N = weights_N if self.negative is Negative.nll else weights_N.clamp(min=0)
        loss_N = -plain_N * floored_N(batch.logprobs_N)
        if self.negative is Negative.unlikelihood:
            loss_N = loss_N + weights_N.neg().clamp(min=0) * unlikelihood_N(batch.logprobs_N)
        return loss_N.sum()

    def denominator(self, responses: Responses) -> float:
        """Return what the sum is divided by; 0 where no response has a loss.

        With `negative: drop` a response of negative weight has none and is not counted either, so
        that the step is the same as if it were absent.
        """
        weights_B = responses.weights_B
        counted_B = weights_B > 0 if self.negative is Negative.drop else weights_B != 0
        return denominator(counted_B, responses.lengths_B, self.normaliser, self.constant)
