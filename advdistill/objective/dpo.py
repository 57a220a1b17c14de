"""Right answers over wrong ones of the same prompt, relative to the base student.

Axes: `B` responses, `K` pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from advdistill.interfaces import Responses, Scope, TokenBatch
from advdistill.objective.likelihood import floored_N, softplus
from advdistill.objective.pairs import PairNormaliser, denominator, pairs_of, weights_K
from advdistill.objective.ranges import check_ranges

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class DPO:
    """-log sigmoid(beta times the margin) of each pair, plus the right answer's mean NLL if asked.

    DPO, arXiv 2305.18290, eq. 7. The margin is how much more the student has raised the right
    answer over the base student than the wrong one. `nll` above 0 adds the term of Iterative RPO,
    arXiv 2404.19733.
    """

    normaliser: PairNormaliser
    constant: float
    """Read by `normaliser: constant` alone."""
    beta: float
    label_smoothing: float
    """How often the verifier is taken to be wrong; below 0.5."""
    nll: float
    """What the right answer's NLL per token is multiplied by."""
    max_pairs: int | None
    """Per prompt; null for all."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        smooth = 0 <= self.label_smoothing < 0.5
        pairs = self.max_pairs is None or self.max_pairs >= 1
        check_ranges(
            "dpo",
            ("constant", self.constant, 0 < self.constant < inf, "a number above 0"),
            ("beta", self.beta, 0 < self.beta < inf, "a number above 0"),
            ("label_smoothing", self.label_smoothing, smooth, "0 or more and below 0.5"),
            ("nll", self.nll, 0 <= self.nll < inf, "0 or more"),
            ("max_pairs", self.max_pairs, pairs, "null or at least 1"),
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
        """Return None: the loss of a pair is above 0."""
        return None

    def loss(self, batch: TokenBatch) -> torch.Tensor:
        """Return the sum over the pairs, a scalar, not divided by anything that spans prompts."""
        responses = batch.responses
        pairs = pairs_of(responses, self.max_pairs)
        logprob_B = batch.sums_B(floored_N(batch.logprobs_N))
        raised_B = logprob_B - responses.reference_B
        margin_K = self.beta * (raised_B[pairs.right_K] - raised_B[pairs.wrong_K])
        loss_K = (1 - self.label_smoothing) * softplus(-margin_K)
        loss_K = loss_K + self.label_smoothing * softplus(margin_K)
        loss_K = loss_K - self.nll * (logprob_B / responses.lengths_B)[pairs.right_K]
        return (weights_K(pairs, responses, self.normaliser) * loss_K).sum()

    def denominator(self, responses: Responses) -> float:
        """Return what the sum is divided by; 0 where no prompt has a right and a wrong answer."""
        return denominator(pairs_of(responses, self.max_pairs), self.normaliser, self.constant)
