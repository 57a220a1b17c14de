"""Right answers over wrong ones of the same prompt by their mean log-probs.

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
class SimPO:
    """-log sigmoid(beta times the difference of mean log-probs, less gamma) of each pair.

    SimPO, arXiv 2405.14734. It needs no reference.
    """

    normaliser: PairNormaliser
    constant: float
    """Read by `normaliser: constant` alone."""
    beta: float
    gamma: float
    """The margin that is aimed at, on the scale of beta: the paper's gamma, not gamma / beta."""
    max_pairs: int | None
    """Per prompt; null for all."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        pairs = self.max_pairs is None or self.max_pairs >= 1
        check_ranges(
            "simpo",
            ("constant", self.constant, 0 < self.constant < inf, "a number above 0"),
            ("beta", self.beta, 0 < self.beta < inf, "a number above 0"),
            ("gamma", self.gamma, 0 <= self.gamma < inf, "0 or more"),
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
        return False

    def objection(self, *, signed: bool) -> str | None:  # noqa: ARG002 - the sign is not read
        """Return None: the loss of a pair is above 0."""
        return None

    def loss(self, batch: TokenBatch) -> torch.Tensor:
        """Return the sum over the pairs, a scalar, not divided by anything that spans prompts."""
        responses = batch.responses
        pairs = pairs_of(responses, self.max_pairs)
        mean_B = batch.sums_B(floored_N(batch.logprobs_N)) / responses.lengths_B
        margin_K = self.beta * (mean_B[pairs.right_K] - mean_B[pairs.wrong_K]) - self.gamma
        return (weights_K(pairs, responses, self.normaliser) * softplus(-margin_K)).sum()

    def denominator(self, responses: Responses) -> float:
        """Return what the sum is divided by; 0 where no prompt has a right and a wrong answer."""
        return denominator(pairs_of(responses, self.max_pairs), self.normaliser, self.constant)
