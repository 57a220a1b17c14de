"""Compares the final number of a response with the gold answer, exactly."""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from advdistill.answers import AnswerFormat, visible
from advdistill.errors import ConfigError
from advdistill.records import TOTAL, Finish, Prompt, Response, Reward, Verdict
from advdistill.verdicts import reward, unfinished, with_total
from advdistill.verifier.numerals import Number, last_value, parse_number, value_of

RULE = "number"
LAST_NUMBER = "last_number"
"""The tier of a number that no marker points at."""
_DECIMALS = 40


@dataclass(frozen=True, kw_only=True)
class NumberVerifier:
    """Passes a response whose final number equals the gold answer.

    A percent sign, a currency sign and words are units and change nothing: 94% is 94. A marked
    answer that holds two different numbers, or a part of an expression, is no answer.
    """

    relative_tolerance: float
    """Largest difference that still passes, as a share of the gold answer."""

    def __post_init__(self) -> None:
        """Check the range.

        Raises:
            ConfigError: the tolerance is not in [0, 1).
        """
        if not 0.0 <= self.relative_tolerance < 1.0:
            raise ConfigError(
                f"verifier 'number': relative_tolerance is {self.relative_tolerance}; "
                "wanted 0 (exactly equal) up to, but not including, 1"
            )

    def judge(
        self, prompt: Prompt, response: Response, *, answer_format: AnswerFormat
    ) -> list[Reward]:
        """Return the row of the rule `number` and the row `total`, which say the same."""
        reading = answer_format.read(response.text)
        if response.finish is not Finish.stop and (row := unfinished(response, RULE, reading)):
            return with_total(row)
        gold = _gold(prompt.answer)
        if gold is None:
            detail = f"the gold answer {prompt.answer[:80]!r} is not one number"
            return with_total(reward(response, RULE, Verdict.error, detail=detail))
        tier = reading.tier if reading else LAST_NUMBER
        try:
            value = value_of(reading.answer) if reading else last_value(visible(response.text))
        except ValueError as error:
            row = reward(response, RULE, Verdict.unparsed, tier=tier, detail=str(error))
            return with_total(row)
        verdict = Verdict.passed if self._equal(value, gold) else Verdict.failed
        answer = canonical(value)
        return [reward(response, rule, verdict, answer=answer, tier=tier) for rule in (RULE, TOTAL)]

    def _equal(self, value: Number, gold: Number) -> bool:
        """Return whether the value is within the tolerance of the gold answer."""
        if value == gold or not self.relative_tolerance:
            return value == gold
        return abs(value - gold) <= Fraction(str(self.relative_tolerance)) * abs(gold)


_gold = lru_cache(maxsize=4096)(parse_number)
"""A prompt has many responses."""


def canonical(value: Number) -> str:
    """Return one text per value: `18`, `7.5`, or `2/3` where forty decimals do not hold it."""
    if isinstance(value, int):
        return str(value)
    scaled = value * 10**_DECIMALS
    if scaled.denominator != 1:
        return str(value)
    whole, rest = divmod(abs(scaled.numerator), 10**_DECIMALS)
    decimals = f"{rest:0{_DECIMALS}d}".rstrip("0")
    return ("-" if value < 0 else "") + (f"{whole}.{decimals}" if decimals else str(whole))
