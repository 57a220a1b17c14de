"""Negative log-likelihood of weighted responses; negative weights take a bounded loss.

Axes: `B` responses, `T` response tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from advdistill.errors import ConfigError
from advdistill.interfaces import TokenBatch

if TYPE_CHECKING:
    import torch

MIN_COMPLEMENT = 1e-5
"""The smallest 1 - probability that unlikelihood takes the logarithm of."""


class Normaliser(StrEnum):
    """What the sum over the responses of one optimizer step is divided by."""

    tokens = "tokens"
    """Their tokens: every token counts the same, so long responses count more."""
    sequences = "sequences"
    """Their number, each response's loss being divided by its own tokens first."""
    constant = "constant"
    """A fixed number, so that the length has no influence: Dr. GRPO, arXiv 2503.20783."""


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
    """w times the negative log-likelihood for w > 0, and a choice for w < 0.

    Unlikelihood is the token-level loss of Welleck et al., arXiv 1908.04319. Unlike the paper, the
    tokens to avoid are all tokens of a response of negative weight, not repeats of the context.
    """

    normaliser: Normaliser
    constant: float
    """Read by `normaliser: constant` alone."""
    negative: Negative
    allow_unbounded: bool
    """The consent that `negative: nll` needs."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.constant <= 0:
            raise ConfigError(
                f"objective 'weighted_nll': constant is {self.constant}; wanted a number above 0"
            )
        if self.negative is Negative.nll and not self.allow_unbounded:
            raise ConfigError(
                "objective 'weighted_nll': negative is 'nll', a loss without lower bound that can "
                "ruin the student on a fixed pool; wanted 'unlikelihood' or 'drop'; "
                "set allow_unbounded: true to train with it all the same"
            )

    def loss(self, batch: TokenBatch) -> torch.Tensor:
        """Return the sum over the batch, a scalar, not divided by anything that spans responses."""
        nll_B = _summed(-batch.logprobs_BT, batch)
        loss_B = batch.weights_B.clamp(min=0) * nll_B
        if self.negative is Negative.unlikelihood:
            loss_B = loss_B + batch.weights_B.neg().clamp(min=0) * _unlikelihood_B(batch)
        if self.negative is Negative.nll:
            loss_B = loss_B + batch.weights_B.clamp(max=0) * nll_B
        if self.normaliser is Normaliser.sequences:
            loss_B = loss_B / batch.mask_BT.sum(1)
        return loss_B.sum()

    def denominator(self, weights_B: NDArray[np.float64], lengths_B: NDArray[np.int64]) -> float:
        """Return what the sum is divided by; 0 where no response has a loss.

        With `negative: drop` a response of negative weight has none and is not counted either, so
        that the step is the same as if it were absent.
        """
        counted_B = weights_B > 0 if self.negative is Negative.drop else weights_B != 0
        if not counted_B.any():
            return 0.0
        return {
            Normaliser.tokens: float(lengths_B[counted_B].sum()),
            Normaliser.sequences: float(counted_B.sum()),
            Normaliser.constant: self.constant,
        }[self.normaliser]


def _unlikelihood_B(batch: TokenBatch) -> torch.Tensor:
    # expm1 keeps 1 - p exact where p is close to 1, which 1 - exp(log p) loses.
    complement_BT = -batch.logprobs_BT.expm1()
    return _summed(-complement_BT.clamp(min=MIN_COMPLEMENT).log(), batch)


def _summed(loss_BT: torch.Tensor, batch: TokenBatch) -> torch.Tensor:
    return loss_BT.masked_fill(~batch.mask_BT, 0.0).sum(1)
