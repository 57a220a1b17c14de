"""Compares the final number of a response with the gold answer, exactly.

Model output is hostile input: every pattern here runs in linear time, nothing is evaluated, and a
number has at most 400 digits.
"""

import re
from dataclasses import dataclass, replace
from fractions import Fraction

from advdistill.answers import AnswerFormat, visible
from advdistill.errors import ConfigError
from advdistill.records import Finish, Prompt, Response, Reward, Verdict

LAST_NUMBER = "last_number"
"""The tier of a number that no marker points at."""
_MAX_DIGITS = 400
"""Also the largest power of ten; Python itself refuses to read numbers of more than 4,300."""
_VALUES = {Verdict.passed: 1.0, Verdict.failed: 0.0, Verdict.unparsed: 0.0}


@dataclass(frozen=True, kw_only=True)
class NumberVerifier:
    """Passes a response whose final number equals the gold answer.

    A percent sign, a currency sign and words are units and change nothing: 94% is 94. A marked
    answer that holds two different numbers is no answer.
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
        reward = self._reward(prompt, response, answer_format)
        return [reward, replace(reward, rule="total")]

    def _reward(self, prompt: Prompt, response: Response, answer_format: AnswerFormat) -> Reward:
        """Return what the rule finds."""
        if response.finish is Finish.error:
            return _row(response, Verdict.error, detail="the teacher failed on this prompt")
        reading = answer_format.read(response.text)
        if response.finish is Finish.length and (reading is None or not reading.closed):
            return _row(response, Verdict.truncated, detail="cut off before its final answer")
        gold = parse_number(prompt.answer)
        if gold is None:
            detail = f"the gold answer {prompt.answer[:80]!r} is not one number"
            return _row(response, Verdict.error, detail=detail)
        tier = reading.tier if reading else LAST_NUMBER
        try:
            value = _value(reading.answer) if reading else _last_value(visible(response.text))
        except ValueError as error:
            return _row(response, Verdict.unparsed, tier=tier, detail=str(error))
        equal = abs(value - gold) <= Fraction(str(self.relative_tolerance)) * abs(gold)
        verdict = Verdict.passed if equal else Verdict.failed
        return _row(response, verdict, answer=_canonical(value), tier=tier)


def parse_number(text: str) -> Fraction | None:
    """Return the one number that an answer such as `$1,234.50 per day` holds; None for none."""
    try:
        return _value(text)
    except ValueError:
        return None


def _row(
    response: Response,
    verdict: Verdict,
    *,
    answer: str | None = None,
    tier: str | None = None,
    detail: str | None = None,
) -> Reward:
    """Return the rule's row."""
    return Reward(
        prompt_id=response.prompt_id,
        sample=response.sample,
        rule="number",
        value=_VALUES.get(verdict),
        verdict=verdict,
        answer=answer,
        tier=tier,
        detail=detail,
    )


# What is taken away or respelled, in this order, before numbers are looked for.
_REWRITES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"<<[^<>\n]{0,200}>>", ""),  # GSM8K's calculator notes: <<9*2=18>>18
        (r"[\x00\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]", ""),  # invisible
        (r"[\u2010-\u2013\u2212\ufe63\uff0d]", "-"),
        (r"½", " 1/2"),
        (r"¼", " 1/4"),
        (r"¾", " 3/4"),
        (r"\{,\}", ","),
        (r"\\!\s?", ""),
        (r"\\[,;: ]|[~\u00a0\u202f]", "\u2009"),  # narrow spaces may stand between thousands
        (r"(?<=\d)\s{0,3}(?=\\[cdt]?frac)", " "),  # 2\frac{1}{2} is a mixed number
        (r"\\[cdt]?frac\s?\{\s?(-?[\d.,]{1,400})\s?\}\s?\{\s?([\d.,]{1,400})\s?\}", r"\1/\2"),
        (r"\\times|\\cdot|\u00d7", "*"),
        (r"\\approx|≈", "="),
        (r"(?<=\d)\s?[*x]\s?10\s?\^\s?\{?\s?([+-]?\d{1,9})\}?", r"e\1"),
        (r"\^\s?\{?\s?\\circ\s?\}?|°", " "),
        (r"(?<=[A-Za-z}])\s?\^\s?(?:\{-?\d{1,3}\}|-?\d)", ""),  # the power of a unit: cm^2
        (r"\\(?:text|textbf|textit|mathrm|mathbf|mbox|boxed|fbox|left|right|q?quad)(?![a-z])", ""),
        (r"\\(?=[$%])|\\[()\[\]]|[{`_]|(?<!\d)\*\*|\*\*(?!\d)", ""),
        (r"\}", " "),
    )
)
_NUMBER = re.compile(
    r"(?:(?<![A-Za-z0-9)])(?P<sign>[-+])[$£€]?)?(?<![A-Za-z0-9.,])"
    r"(?P<whole>(?:\d|\.\d)[\d.,\u2009]*)"
    r"(?:[eE](?P<exponent>[-+]?\d+)|:(?P<minutes>[0-5]\d)(?!\d)"
    r"|\s?/\s?(?P<below>\d[\d.,]*)|\s(?P<over>\d+)/(?P<under>\d+))?"
)
_SPELLING = re.compile(r"\d+|\d*\.\d+|\d{1,3}(?:[,\u2009]\d{3})+(?:\.\d+)?")
_SPACED_THOUSANDS = re.compile(r"(?<![\d.,/])\d{1,3}(?: \d{3})+(?![\d.,/])")
_AFTERTHOUGHT = re.compile(r"(?<=[\d%])[.;]\s|\bbecause\b|,\s(?:as|since)\b")
_NEGATION = re.compile(r"\bnot\b|n't\b", re.IGNORECASE)
_UNFINISHED_SUM = re.compile(r"[\d)%]\s?(?:[-+/^]|\*{1,2})\s?[$£€(]?\Z")


def _value(answer: str) -> Fraction:
    """Return the one number of an answer; of an equation, that of its right side.

    Raises:
        ValueError: there is none, or more than one, or it is negated, too long or an expression.
    """
    plain = _SPACED_THOUSANDS.sub(lambda match: match[0].replace(" ", "\u2009"), _plain(answer))
    said = _AFTERTHOUGHT.split(plain.strip(), maxsplit=1)[0]
    sides = [side for side in said.split("=") if _NUMBER.search(side)]
    if not sides:
        raise ValueError("no number found")
    right = re.sub(r"\A\s*([-+])\s+", r"\1", sides[-1])
    found = list(_NUMBER.finditer(right))
    if len(found) > 1 or (len(sides) > 1 and re.search(r"\bor\b", said)):
        raise ValueError("more than one number found")
    if "\\" in right or _NEGATION.search(right[: found[0].start()]):
        raise ValueError("an expression or a negation, not a number")
    return _exact(found[0])


def _last_value(text: str) -> Fraction:
    """Return the last number of a text without a marked answer.

    Raises:
        ValueError: there is none, or it is too long or the end of an expression.
    """
    plain = _plain(text)
    found = list(_NUMBER.finditer(plain))
    if not found:
        raise ValueError("no number found")
    start = found[-1].start()
    if _UNFINISHED_SUM.search(plain[max(0, start - 8) : start]):
        raise ValueError("an expression, not a number")
    return _exact(found[-1])


def _plain(text: str) -> str:
    """Return the text without the spelling that hides a number."""
    for pattern, replacement in _REWRITES:
        text = pattern.sub(replacement, text)
    return text


def _exact(match: re.Match[str]) -> Fraction:
    """Return the value of one number, with its sign, power, fraction or minutes.

    Raises:
        ValueError: it is too long, misspelt, or divides by zero.
    """
    value = _decimal(match["whole"])
    if power := match["exponent"]:
        value *= Fraction(10) ** _power(power)
    elif below := match["below"]:
        value /= _divisor(below)
    elif over := match["over"]:
        value += _decimal(over) / _divisor(match["under"])
    elif minutes := match["minutes"]:
        value += Fraction(int(minutes), 60)
    return -value if match["sign"] == "-" else value


def _decimal(text: str) -> Fraction:
    """Return the value of digits with thousands separators and a decimal point."""
    spelling = text.rstrip(".,\u2009")
    if len(spelling) > _MAX_DIGITS:
        raise ValueError(f"a number of more than {_MAX_DIGITS} characters")
    if not _SPELLING.fullmatch(spelling):
        raise ValueError(f"'{spelling[:40]}' is not one number")
    return Fraction(re.sub("[,\u2009]", "", spelling))


def _divisor(text: str) -> Fraction:
    """Return the value below a fraction bar."""
    value = _decimal(text)
    if value == 0:
        raise ValueError("a division by zero")
    return value


def _power(text: str) -> int:
    """Return the power of ten."""
    power = int(text) if len(text) < 9 else _MAX_DIGITS + 1
    if abs(power) > _MAX_DIGITS:
        raise ValueError(f"a power of ten beyond {_MAX_DIGITS}")
    return power


def _canonical(value: Fraction) -> str:
    """Return one text per value: `18`, `7.5`, or `2/3` where six decimals do not hold it."""
    millionths = value * 10**6
    if millionths.denominator != 1:
        return str(value)
    whole, rest = divmod(abs(millionths.numerator), 10**6)
    decimals = f"{rest:06d}".rstrip("0")
    return ("-" if value < 0 else "") + (f"{whole}.{decimals}" if decimals else str(whole))
