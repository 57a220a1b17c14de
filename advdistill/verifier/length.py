"""Values a response by its tokens; a response of unknown length is unknown, not short."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from advdistill.answers import AnswerFormat
from advdistill.errors import ConfigError
from advdistill.interfaces import Verifier
from advdistill.parts import Judged, combined
from advdistill.records import Finish, Prompt, Response, Reward, Verdict
from advdistill.verdicts import reward, with_total

_UNKNOWN = "no token count; wanted a pool whose teacher says how long its answers are"


@dataclass(frozen=True, kw_only=True)
class CosineLengthVerifier:
    """Values right and wrong responses on two cosines between nothing and `max_tokens`.

    Cosine reward, arXiv 2502.03373, section 4.2 and equation 1 of appendix C.1. Unlike the paper,
    a response of `max_tokens` or more gets the value at `max_tokens`, not one of its own.
    """

    correct: Verifier
    """The rule that says whether a response is right; its verdict is that of the total."""
    max_tokens: int
    """L_max; the cosine, which would turn round, ends here."""
    short_right: float
    """r_0^c: the value of a right response of no length."""
    long_right: float
    """r_L^c: the value of a right response of `max_tokens` or more."""
    short_wrong: float
    """r_0^w"""
    long_wrong: float
    """r_L^w"""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: `max_tokens` is below 1, or a value is infinite.
        """
        _check_tokens("length_cosine", 0, self.max_tokens)
        values = (self.short_right, self.long_right, self.short_wrong, self.long_wrong)
        if not all(map(math.isfinite, values)):
            raise ConfigError(
                f"verifier 'length_cosine': its four values are {values}; wanted finite numbers"
            )

    def judge(self, prompt: Prompt, response: Response, *, answer_format: AnswerFormat) -> Judged:
        """Return the rows `correct`, `length` and `total`; the last two say the same."""
        judged = self.correct.judge(prompt, response, answer_format=answer_format)
        return combined({"correct": judged}, partial(_rows, self._value, response.tokens))

    def _value(self, tokens: int, *, right: bool) -> float:
        """Return the value of a response so long."""
        short, long = (
            (self.short_right, self.long_right) if right else (self.short_wrong, self.long_wrong)
        )
        progress = _progress(tokens, 0, self.max_tokens)
        return long + (short - long) * (1 + math.cos(math.pi * progress)) / 2


@dataclass(frozen=True, kw_only=True)
class KimiLengthVerifier:
    """Values responses at 0.5 where short and -0.5 where long; wrong ones at 0 at the most.

    Length reward of Kimi k1.5, arXiv 2501.12599, section 2.3.3. Unlike the paper, the shortest and
    the longest length are declared, not those of the group: a verdict depends on one response.
    """

    correct: Verifier
    """The rule that says whether a response is right; its verdict is that of the total."""
    min_tokens: int
    """min_len; a shorter response counts as this long."""
    max_tokens: int
    """max_len; a longer response counts as this long."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: the bounds are below 0 or not in order.
        """
        _check_tokens("length_kimi", self.min_tokens, self.max_tokens)

    def judge(self, prompt: Prompt, response: Response, *, answer_format: AnswerFormat) -> Judged:
        """Return the rows `correct`, `length` and `total`; the last two say the same."""
        judged = self.correct.judge(prompt, response, answer_format=answer_format)
        return combined({"correct": judged}, partial(_rows, self._value, response.tokens))

    def _value(self, tokens: int, *, right: bool) -> float:
        """Return the value of a response so long."""
        value = 0.5 - _progress(tokens, self.min_tokens, self.max_tokens)
        return value if right else min(0.0, value)


@dataclass(frozen=True, kw_only=True)
class OverlongVerifier:
    """Values a response at 0, falling to -1 over the last tokens before the longest length.

    Soft overlong punishment of DAPO, arXiv 2503.14476, equation 13.
    """

    max_tokens: int
    """L_max"""
    cache_tokens: int
    """L_cache: the tokens over which the value falls."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: the fall begins below 0 or does not end behind its begin.
        """
        _check_tokens("length_overlong", self.max_tokens - self.cache_tokens, self.max_tokens)

    def judge(
        self, prompt: Prompt, response: Response, *, answer_format: AnswerFormat
    ) -> list[Reward]:
        """Return the row of the rule `length` and the row `total`, which say the same.

        It passes if nothing is taken off; a response that was cut off is judged like any other.
        """
        del prompt, answer_format
        if response.finish is Finish.error or response.tokens is None:
            failed = response.finish is Finish.error
            detail = "the teacher failed on this prompt" if failed else _UNKNOWN
            return with_total(reward(response, "length", Verdict.error, detail=detail))
        start = self.max_tokens - self.cache_tokens
        value = 0.0 - _progress(response.tokens, start, self.max_tokens)
        verdict = Verdict.failed if value else Verdict.passed
        return with_total(replace(reward(response, "length", verdict), value=value))


def _rows(value: Callable[..., float], tokens: int | None, rows: dict[str, Reward]) -> list[Reward]:
    """Return the row of the nested rule, and its verdict with the value of the length."""
    row = replace(rows["correct"], rule="length")
    if row.value is not None and tokens is None:
        row = replace(row, value=None, verdict=Verdict.error, detail=_UNKNOWN)
    elif tokens is not None and row.value is not None:
        row = replace(row, value=value(tokens, right=row.verdict is Verdict.passed))
    return [rows["correct"], *with_total(row)]


def _progress(tokens: int, start: int, end: int) -> float:
    """Return how far the tokens are from start to end, from 0 to 1."""
    return min(max((tokens - start) / (end - start), 0.0), 1.0)


def _check_tokens(name: str, start: int, end: int) -> None:
    if not 0 <= start < end:
        raise ConfigError(
            f"verifier '{name}': its value falls from {start} to {end} tokens; "
            "wanted a length of 0 or more and a longer one"
        )
