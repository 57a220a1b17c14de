"""Likelihood for positive weights; for negative ones, as far as the student gives the response.

Axes: `B` responses.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import TYPE_CHECKING

from advdistill.errors import DataError
from advdistill.interfaces import Responses, Scope, TokenBatch
from advdistill.objective.likelihood import floored_N
from advdistill.objective.normalising import Normaliser, denominator, per_token_B
from advdistill.objective.ranges import check_ranges

if TYPE_CHECKING:
    import torch


class Ratio(StrEnum):
    """How the student's probability of a response is held against the teacher's."""

    sequence = "sequence"
    """That of the whole response, as in the paper; close to 0 for a long one."""
    mean = "mean"
    """The geometric mean over its tokens, which does not shrink with the length."""


@dataclass(frozen=True, kw_only=True)
class TOPR:
    """w times the negative log-likelihood, times min(1, pi/mu) where w < 0.

    TOPR, arXiv 2503.14286. pi is the student's probability of the response and mu the teacher's;
    the ratio is a number and not differentiated, and the loss is bounded (proposition 3.2).
    Unlike the paper, mu is the teacher itself at temperature 1, whatever it was sampled with.
    Reconstruction: `ratio: mean` is ours. In the paper the student begins as the sampler, with a
    ratio of 1; a student far from its teacher has one of practically 0 on long responses.
    """

    normaliser: Normaliser
    constant: float
    """Read by `normaliser: constant` alone."""
    ratio: Ratio

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(
            "topr", ("constant", self.constant, 0 < self.constant < inf, "a number above 0")
        )

    @property
    def scope(self) -> Scope:
        """How much of a step a token's loss depends on."""
        return Scope.step

    @property
    def needs_teacher(self) -> bool:
        """Whether it reads `teacher_B`."""
        return True

    @property
    def needs_reference(self) -> bool:
        """Whether it reads `reference_B`."""
        return False

    def objection(self, *, signed: bool) -> str | None:  # noqa: ARG002 - bounded either way
        """Return None: the ratio bounds the loss of negative weights."""
        return None

    def loss(self, batch: TokenBatch) -> torch.Tensor:
        """Return the sum over the batch, a scalar, not divided by anything that spans responses."""
        responses = batch.responses
        logprob_B = batch.sums_B(floored_N(batch.logprobs_N))
        weights_B = responses.weights_B * self._taper_B(logprob_B.detach(), responses)
        return -(per_token_B(weights_B, responses.lengths_B, self.normaliser) * logprob_B).sum()

    def denominator(self, responses: Responses) -> float:
        """Return what the sum is divided by; 0 where no response has a weight.

        Raises:
            DataError: a response of negative weight has no log-prob of the teacher.
        """
        negative_B = responses.weights_B < 0
        missing = int((negative_B & responses.teacher_B.isnan()).sum())
        if missing:
            raise DataError(
                f"objective 'topr': {missing} of {int(negative_B.sum())} responses of negative "
                "weight have no log-prob of the teacher; wanted one for each, to hold the "
                "student's against; sample with a teacher that stores them, or take "
                "objective=weighted_nll"
            )
        counted_B = responses.weights_B != 0
        return denominator(counted_B, responses.lengths_B, self.normaliser, self.constant)

    def _taper_B(self, logprob_B: torch.Tensor, responses: Responses) -> torch.Tensor:
        log_ratio_B = logprob_B - responses.teacher_B
        if self.ratio is Ratio.mean:
            log_ratio_B = log_ratio_B / responses.lengths_B
        # Clipped before exp, which could overflow; filled after, as the teacher's may be unknown.
        return log_ratio_B.clamp(max=0).exp().masked_fill(responses.weights_B >= 0, 1.0)
