"""Judges answers that are mathematics: fractions, formulas, sets, intervals, matrices, words.

Three tiers, each only where the one before cannot decide: the same spelling, exact arithmetic in
plain linear code, algebra by Math-Verify in a process that can be killed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache, partial

from advdistill.answers import AnswerFormat, Reading, visible
from advdistill.errors import ConfigError
from advdistill.interfaces import Costly
from advdistill.records import Prompt, Response, Reward, Verdict
from advdistill.verdicts import reward, unfinished, with_total
from advdistill.verifier.algebra import Proof, prove
from advdistill.verifier.cost import refusal
from advdistill.verifier.equality import Claim, Finding, compare
from advdistill.verifier.expressions import (
    boxes,
    has_maths,
    is_denial,
    joined_boxes,
    leading_or_last,
)
from advdistill.verifier.latex import tokens
from advdistill.verifier.values import Kind, Value, read

RULE = "math"
_EMPHASIS = " \t\n*_`"


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
        if not (self.seconds > 0 and self.megabytes > 0):
            raise ConfigError(
                f"verifier 'math': seconds is {self.seconds} and megabytes is {self.megabytes}; "
                "wanted both above 0"
            )

    def judge(
        self, prompt: Prompt, response: Response, *, answer_format: AnswerFormat
    ) -> list[Reward] | Costly:
        """Return the row of the rule `math` and the row `total`, which say the same."""
        reading = answer_format.read(response.text)
        if row := unfinished(response, RULE, reading):
            return with_total(row)
        gold = gold_value(prompt.answer)
        if isinstance(gold, str):
            detail = f"the gold answer {prompt.answer[:80]!r} cannot be read: {gold}"
            return with_total(reward(response, RULE, Verdict.error, detail=detail))
        values = _values(_candidates(reading, response.text, gold))
        if isinstance(values, str):
            return with_total(reward(response, RULE, Verdict.unparsed, detail=values))
        return self._judged(response, gold, values)

    def _judged(
        self, response: Response, gold: Value, values: Sequence[Value]
    ) -> list[Reward] | Costly:
        """Return the rows for the reading of the answer that fits best, the last one else."""
        findings = [compare(gold, value) for value in values]
        place = findings.index(True) if True in findings else len(findings) - 1
        answer, finding = values[place], findings[place]
        row = reward(response, RULE, Verdict.failed, answer=canonical(answer))
        if isinstance(finding, bool):
            return with_total(_decided(row, gold, answer, equal=finding))
        row = replace(row, tier=Tier.algebra)
        if refused := _refused(finding):
            return with_total(_unknown(row, *refused))
        return Costly(
            work=partial(_proven, row, finding),
            killed=partial(_killed, row),
            seconds=self.seconds,
            megabytes=self.megabytes,
        )


@lru_cache(maxsize=4096)
def gold_value(answer: str) -> Value | str:
    """Return the value of a gold answer, or why it has none."""
    found = boxes(answer)
    latex = (joined_boxes(answer) or found[-1].latex) if found else answer
    if has_maths(latex):
        latex = leading_or_last(latex) or latex
    try:
        value = read(tokens(latex))
    except ValueError as error:
        return str(error)
    if value.undefined:
        return "it divides by zero"
    return value if value.latex else "it is empty"


def canonical(value: Value) -> str:
    """Return one text per value where the value is a number, else its spelling."""
    if value.number is None or value.percent:
        return value.latex[:400]
    return str(value.number) if isinstance(value.number, float) else _fraction(value)


def _fraction(value: Value) -> str:
    text = str(value.number)
    return text if len(text) < 400 else value.latex[:400]


def _candidates(reading: Reading | None, text: str, gold: Value) -> list[str]:
    """Return the ways to read the final answer, the most likely last."""
    if reading is None or (reading.tier == "phrase" and not _says_something(reading.answer)):
        found = leading_or_last(visible(text))
        return [found] if found else []
    if reading.tier == "boxed":
        together = joined_boxes(visible(text)) if gold.kind is Kind.bag else None
        return [reading.answer, *([together] if together else [])]
    inside = leading_or_last(reading.answer)
    prose = reading.tier in ("phrase", "line") or has_maths(reading.answer)
    wanted = inside and prose and not is_denial(reading.answer)
    return [reading.answer, *([inside] if inside and wanted else [])]


def _says_something(answer: str) -> bool:
    """Return whether there is more than a colon before a formula on the next line."""
    return any(map(str.isalnum, answer))


def _values(candidates: Sequence[str]) -> list[Value] | str:
    """Return the values that can be read, or why there is none."""
    values, problem = [], "no answer found"
    for candidate in candidates:
        try:
            value = _value(candidate.strip(_EMPHASIS))
        except ValueError as error:
            problem = str(error)
            continue
        if value.undefined:
            problem = "it divides by zero"
        elif value.latex:
            values.append(value)
    return values or problem


@lru_cache(maxsize=4096)
def _value(latex: str) -> Value:
    """Return the value of an answer; many of one prompt's answers are the same."""
    return read(tokens(latex))


def _decided(row: Reward, gold: Value, answer: Value, *, equal: bool) -> Reward:
    spelled = equal and gold.latex == answer.latex
    tier = Tier.string if spelled else Tier.exact
    return replace(_with(row, Verdict.passed if equal else Verdict.failed), tier=tier)


def _with(row: Reward, verdict: Verdict, detail: str | None = None) -> Reward:
    """Return the row with another verdict and the value that it carries."""
    values = {Verdict.passed: 1.0, Verdict.failed: 0.0, Verdict.unparsed: 0.0}
    return replace(row, verdict=verdict, value=values.get(verdict), detail=detail)


def _refused(claims: Sequence[Claim]) -> tuple[Verdict, str] | None:
    """Return the verdict on what is not given to algebra, and why; None where all may be."""
    for claim in claims:
        for part in claim.gold:
            if why := refusal(part):
                return Verdict.error, f"the gold answer is not given to algebra: {why}"
        for part in claim.answer:
            if why := refusal(part):
                return Verdict.unparsed, f"too costly or strange for algebra: {why}"
    return None


def _unknown(row: Reward, verdict: Verdict, detail: str) -> Reward:
    return _with(row, verdict, detail)


def _proven(row: Reward, claims: tuple[Claim, ...]) -> list[Reward]:
    """Return the rows that the algebra leads to."""
    match prove(claims):
        case Proof.equal:
            return with_total(_with(row, Verdict.passed))
        case Proof.different:
            return with_total(row)
        case Proof.gold_unread:
            return with_total(_with(row, Verdict.error, "algebra cannot read the gold answer"))
        case Proof.answer_unread:
            return with_total(_with(row, Verdict.unparsed, "algebra cannot read the answer"))


def _killed(row: Reward, verdict: Verdict, detail: str) -> list[Reward]:
    return with_total(_with(row, verdict, detail))
