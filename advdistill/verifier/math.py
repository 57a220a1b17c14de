"""Judges answers that are mathematics: fractions, formulas, sets, intervals, matrices, words.

Three tiers, each only where the one before cannot decide: the same spelling, exact arithmetic in
plain linear code, algebra by Math-Verify in a process that can be killed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache, partial

from advdistill.answers import AnswerFormat, Reading, visible
from advdistill.errors import ConfigError
from advdistill.interfaces import Costly
from advdistill.records import Prompt, Response, Reward, Verdict
from advdistill.verdicts import reward, unfinished, with_total
from advdistill.verifier.cost import refusal
from advdistill.verifier.equality import Claim, Proof, compare
from advdistill.verifier.expressions import (
    boxes,
    has_maths,
    is_denial,
    joined_boxes,
    leading_or_last,
)
from advdistill.verifier.latex import tokens
from advdistill.verifier.structures import read
from advdistill.verifier.values import Kind, Value

RULE = "math"
_EMPHASIS = " \t\n*_`"
_END = 300
"""Without a marker the answer has to stand among the last characters of the text."""
_PROSE = ("phrase", "line")
"""The tiers of a reading that may hold more of the sentence than the answer."""


_LABOURS = (r"\int", r"\sum", r"\prod", r"\lim")
"""What takes seconds to work out, and answers nothing unless it was asked for."""


class Tier(StrEnum):
    """What decided."""

    string = "string"
    exact = "exact"
    algebra = "algebra"


@dataclass(frozen=True, kw_only=True)
class MathVerifier:
    """Passes a response whose final answer equals the gold answer as mathematics."""

    seconds: float
    """How long the algebra of one answer may take."""
    megabytes: int
    """How much memory it may add to its process."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: a limit is not positive.
        """
        if not (0 < self.seconds < math.inf and self.megabytes > 0):
            raise ConfigError(
                f"verifier 'math': seconds is {self.seconds} and megabytes is {self.megabytes}; "
                "wanted both above 0, and an end"
            )

    def judge(
        self, prompt: Prompt, response: Response, *, answer_format: AnswerFormat
    ) -> list[Reward] | Costly:
        """Return the row of the rule `math` and the row `total`, which say the same."""
        row = partial(reward, response, RULE)
        reading = answer_format.read(response.text)
        if early := unfinished(response, RULE, reading):
            return with_total(early)
        gold = _gold_value(prompt.answer)
        if isinstance(gold, str):
            detail = f"the gold answer {prompt.answer[:80]!r} cannot be read: {gold}"
            return with_total(row(Verdict.error, detail=detail))
        values = _values(_candidates(reading, response.text, gold))
        if isinstance(values, str):
            return with_total(row(Verdict.unparsed, detail=values))
        return self._judged(response, gold, values)

    def _judged(
        self, response: Response, gold: Value, values: Sequence[Value]
    ) -> list[Reward] | Costly:
        """Return the rows for the reading of the answer that is right, else for the last one."""
        findings = [compare(gold, value) for value in values]
        place = findings.index(True) if True in findings else len(findings) - 1
        answer, finding = values[place], findings[place]
        row = partial(reward, response, RULE, answer=answer.canonical)
        if isinstance(finding, bool):
            spelled = finding and gold.latex == answer.latex
            verdict = Verdict.passed if finding else Verdict.failed
            return with_total(row(verdict, tier=Tier.string if spelled else Tier.exact))
        row = partial(row, tier=Tier.algebra)
        if refused := _refused(finding):
            verdict, detail = refused
            return with_total(row(verdict, detail=detail))
        rows = {
            Proof.equal: row(Verdict.passed),
            Proof.different: row(Verdict.failed),
            Proof.gold_unread: row(Verdict.error, detail="algebra cannot read the gold answer"),
            Proof.answer_unread: row(Verdict.unparsed, detail="algebra cannot read the answer"),
        }
        # SymPy takes most of a second to import, and most answers need none of it.
        from advdistill.verifier.algebra import proved

        return Costly(
            work=partial(proved, rows, finding),
            killed=lambda verdict, detail: with_total(row(verdict, detail=detail)),
            seconds=self.seconds,
            megabytes=self.megabytes,
        )


@lru_cache(maxsize=4096)
def _gold_value(answer: str) -> Value | str:
    """Return the value of a gold answer, or why it has none."""
    found = boxes(answer)
    latex = (joined_boxes(answer) or found[-1].latex) if found else answer
    if has_maths(latex):
        latex = leading_or_last(latex) or latex
    try:
        value = _value(latex)
    except ValueError as error:
        return str(error)
    if value.undefined:
        return "it divides by zero"
    return value if value.latex else "it is empty"


@lru_cache(maxsize=4096)
def _value(latex: str) -> Value:
    """Return the value of an answer; many of one prompt's answers are the same.

    Raises:
        ValueError: it is too long, or braces do not match.
    """
    return read(tokens(latex.strip(_EMPHASIS)))


def _candidates(reading: Reading | None, text: str, gold: Value) -> list[str]:
    """Return the ways to read the final answer, the most likely last."""
    if reading is None or (reading.tier in _PROSE and not any(map(str.isalnum, reading.answer))):
        found = leading_or_last(visible(text).rstrip()[-_END:])
        return [found] if found else []
    if reading.tier == "boxed":
        together = joined_boxes(visible(text)) if gold.kind is Kind.bag else None
        return [reading.answer, *([together] if together else [])]
    prose = reading.tier in _PROSE or has_maths(reading.answer)
    inside = leading_or_last(reading.answer) if prose and not is_denial(reading.answer) else None
    return [reading.answer, *([inside] if inside else [])]


def _values(candidates: Sequence[str]) -> list[Value] | str:
    """Return the values that can be read, or why there is none."""
    values, problem = [], "no answer found"
    for candidate in candidates:
        try:
            value = _value(candidate)
        except ValueError as error:
            problem = str(error)
            continue
        if value.undefined:
            problem = "it divides by zero"
        elif value.latex:
            values.append(value)
    return values or problem


def _refused(claims: Sequence[Claim]) -> tuple[Verdict, str] | None:
    """Return the verdict on what is not given to algebra, and why; None where all may be."""
    for claim in claims:
        if why := next(filter(None, map(refusal, claim.gold)), None):
            return Verdict.error, f"the gold answer is not given to algebra: {why}"
        if why := next(filter(None, map(refusal, claim.answer)), None):
            return Verdict.unparsed, f"the answer is not given to algebra: {why}"
        for sign in _LABOURS:
            if any(sign in part for part in claim.answer) and not any(
                sign in part for part in claim.gold
            ):
                return Verdict.unparsed, f"the answer leaves work to be done: {sign}"
    return None
