"""Adds up several rules."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from advdistill.answers import AnswerFormat
from advdistill.errors import ConfigError
from advdistill.interfaces import Verifier
from advdistill.parts import Judged, combined
from advdistill.records import TOTAL, Prompt, Response, Reward


@dataclass(frozen=True, kw_only=True)
class BlendVerifier:
    """Values a response at the weighted sum of its parts; one of them says whether it passes.

    A part whose value is unknown makes the sum unknown: counted as 0 it would be a verdict.
    """

    parts: dict[str, Verifier]
    """The rules by name; a part's total becomes the row of that name."""
    weights: dict[str, float]
    """What the value of each part is multiplied by."""
    verdict: str
    """The part whose verdict and answer the total carries."""

    def __post_init__(self) -> None:
        """Check that names and weights fit.

        Raises:
            ConfigError: a part has no weight, a weight no part, or the verdict comes from no part.
        """
        for name in self.parts:
            if name not in self.weights:
                raise ConfigError(
                    f"verifier 'blend': part '{name}' has no weight; wanted a number for each; "
                    f"give weights.{name}=NUMBER, with a + before a new key"
                )
        for name, weight in self.weights.items():
            if name not in self.parts or not math.isfinite(weight):
                raise ConfigError(
                    f"verifier 'blend': weights.{name} is {weight} and the parts are "
                    f"{', '.join(self.parts) or 'none'}; wanted a finite weight of a part; "
                    f"remove it with ~verifier.weights.{name} or add the part"
                )
        if self.verdict not in self.parts or TOTAL in self.parts:
            raise ConfigError(
                f"verifier 'blend': verdict is '{self.verdict}' and the parts are "
                f"{', '.join(self.parts) or 'none'}; wanted the name of one, and none named "
                f"'{TOTAL}'; give verdict=NAME"
            )

    def judge(self, prompt: Prompt, response: Response, *, answer_format: AnswerFormat) -> Judged:
        """Return one row per part, under its name, and the row `total`."""
        judged = {
            name: part.judge(prompt, response, answer_format=answer_format)
            for name, part in self.parts.items()
        }
        return combined(judged, partial(_blend, self.weights, self.verdict))


def _blend(weights: Mapping[str, float], verdict: str, rows: dict[str, Reward]) -> list[Reward]:
    """Return the rows and their weighted sum."""
    return [*rows.values(), replace(_total(weights, rows[verdict], rows), rule=TOTAL)]


def _total(weights: Mapping[str, float], leading: Reward, rows: dict[str, Reward]) -> Reward:
    # the leading part first: where several are unknown, its verdict says why
    for row in (leading, *rows.values()):
        if row.value is None:
            detail = f"'{row.rule}' is unknown: {row.detail or row.verdict.value}"
            return replace(leading, value=None, verdict=row.verdict, detail=detail)
    values = [weights[name] * row.value for name, row in rows.items() if row.value is not None]
    return replace(leading, value=math.fsum(values))
