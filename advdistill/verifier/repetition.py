"""Penalises a text that says the same words again and again."""

import math
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace

from advdistill.answers import AnswerFormat
from advdistill.errors import ConfigError
from advdistill.records import Finish, Prompt, Response, Reward, Verdict
from advdistill.verdicts import reward, with_total

_MAX_WORDS = 1000


@dataclass(frozen=True, kw_only=True)
class RepetitionVerifier:
    """Values a response at the penalty times the share of its n-grams that were said before.

    N-gram repetition penalty, arXiv 2502.03373, appendix C.2. Unlike the paper, which penalises
    every repeated token, this is one number, because a weight belongs to a whole response.
    """

    words: int
    """n: how many words in a row are one n-gram."""
    penalty: float
    """What a response is worth that repeats itself for ever; 0 or less."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: the words are not 1 to 1000, or the penalty is above 0 or infinite.
        """
        if not 1 <= self.words <= _MAX_WORDS:
            raise ConfigError(
                f"verifier 'repetition': words is {self.words}; wanted 1 to {_MAX_WORDS}"
            )
        if self.penalty > 0 or not math.isfinite(self.penalty):
            raise ConfigError(
                f"verifier 'repetition': penalty is {self.penalty}; wanted 0 or a number below"
            )

    def judge(
        self, prompt: Prompt, response: Response, *, answer_format: AnswerFormat
    ) -> list[Reward]:
        """Return the row of the rule `repetition` and the row `total`, which say the same.

        The whole text counts, one that was cut off too; it passes if it repeats nothing.
        """
        del prompt, answer_format
        if response.finish is Finish.error:
            detail = "the teacher failed on this prompt"
            return with_total(reward(response, "repetition", Verdict.error, detail=detail))
        share = repeated_share(response.text, self.words)
        verdict = Verdict.failed if share else Verdict.passed
        detail = f"{share:.1%} of its {self.words}-grams were said before" if share else None
        row = reward(response, "repetition", verdict, detail=detail)
        return with_total(replace(row, value=self.penalty * share if share else 0.0))


def repeated_share(text: str, words: int) -> float:
    """Return the share of the n-grams of lower-case words that stand further up too.

    Each pass numbers grams up to twice as long as the last, so that long ones cost little more.
    """
    grams = _numbered(text.lower().split())
    width = 1
    while width < words and grams:
        step = min(width, words - width)
        grams = _numbered(zip(grams, grams[step:], strict=False))
        width += step
    return (len(grams) - len(set(grams))) / len(grams) if grams else 0.0


def _numbered(things: Iterable[Hashable]) -> list[int]:
    """Return a number for each, the same for equal ones."""
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(thing, len(numbers)) for thing in things]
