"""Compares the marked answer of a response with the gold text, letter by letter."""

import re
from dataclasses import dataclass
from unicodedata import normalize

from advdistill.answers import AnswerFormat
from advdistill.records import Prompt, Response, Reward, Verdict
from advdistill.verdicts import reward, unfinished, with_total

RULE = "exact"
_ARTICLE = re.compile(r"\b(?:a|an|the)\s+(?=\S)", re.IGNORECASE)
_AROUND = " \t\n.,;:!?\"'`*_\u2018\u2019\u201c\u201d"
"""Stops, quotes and Markdown's stars; a minus sign or a currency sign is part of an answer."""

_SPARE = 1_000
"""Characters more than the gold text that may be ignored; composing takes quadratic time."""


@dataclass(frozen=True, kw_only=True)
class ExactVerifier:
    """Passes a response whose marked answer is the gold text, after what is to be ignored.

    Texts are compared in Unicode's composed form. A response without a marked answer has none.
    """

    ignore_case: bool
    ignore_whitespace: bool
    """Any run of whitespace counts as one space, and none at the ends."""
    ignore_articles: bool
    """`a`, `an` and `the` before another word."""
    ignore_punctuation: bool
    """Stops, quotes and stars around the answer; those inside it count."""

    def judge(
        self, prompt: Prompt, response: Response, *, answer_format: AnswerFormat
    ) -> list[Reward]:
        """Return the row of the rule `exact` and the row `total`, which say the same."""
        reading = answer_format.read(response.text)
        if row := unfinished(response, RULE, reading):
            return with_total(row)
        gold = self._normalised(prompt.answer)
        if not gold:
            detail = f"the gold answer {prompt.answer[:80]!r} is blank"
            return with_total(reward(response, RULE, Verdict.error, detail=detail))
        if reading is None:
            return with_total(_unparsed(response, "no marked answer found"))
        if len(reading.answer) > 4 * len(prompt.answer) + _SPARE:
            return with_total(reward(response, RULE, Verdict.failed, detail="far too long"))
        answer = self._normalised(reading.answer)
        if not answer:
            return with_total(_unparsed(response, "the marked answer is blank"))
        verdict = Verdict.passed if answer == gold else Verdict.failed
        return with_total(reward(response, RULE, verdict, answer=answer, tier=reading.tier))

    def _normalised(self, text: str) -> str:
        """Return the text without what is to be ignored."""
        text = normalize("NFC", text)
        if self.ignore_case:
            text = text.casefold()
        if self.ignore_punctuation:
            text = text.strip(_AROUND)
        if self.ignore_articles:
            text = _ARTICLE.sub("", text)
        return " ".join(text.split()) if self.ignore_whitespace else text


def _unparsed(response: Response, detail: str) -> Reward:
    return reward(response, RULE, Verdict.unparsed, detail=detail)
