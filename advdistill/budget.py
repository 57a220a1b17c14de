"""What is held equal between arms whose weightings use different numbers of answers.

Axes: `P` prompts, `G` samples per prompt.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from advdistill.errors import ConfigError


class BudgetUnit(StrEnum):
    """What the amount of a budget counts, per training prompt."""

    none = "none"
    """Nothing: the student's epochs or steps say how long it trains."""
    weight = "weight"
    """The sum of |w| over the prompt's samples, to which its weights are scaled."""
    samples = "samples"
    """Responses with a weight, each as often as it is trained on."""
    tokens = "tokens"
    """Their response tokens."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """An amount that every arm of a comparison spends, per prompt of the training split.

    `samples` and `tokens` set the length of the training instead of the student's epochs: prompts
    come round again until the amount is spent, to within the last prompt.
    """

    unit: BudgetUnit
    amount: float

    def __post_init__(self) -> None:
        """Check the range."""
        if not 0 < self.amount < np.inf:
            raise ConfigError(f"budget: amount is {self.amount}; wanted a number above 0")

    def scaled_PG(self, weights_PG: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the weights, each prompt's sum of |w| being the amount where that is the unit."""
        if self.unit is not BudgetUnit.weight:
            return weights_PG
        size_P1 = np.abs(weights_PG).sum(1, keepdims=True)
        # divided first: the amount by a tiny sum would be infinite
        return weights_PG / np.where(size_P1 > 0, size_P1, 1.0) * self.amount
