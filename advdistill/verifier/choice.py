"""Compares the option that a response settles on with the gold letter.

Model output is hostile input: every pattern here runs in linear time and nothing is evaluated.
"""

import re
from dataclasses import dataclass

from advdistill.answers import LETTERS, AnswerFormat, AnswerStyle, Reading, visible
from advdistill.records import Prompt, Response, Reward, Verdict
from advdistill.verdicts import reward, unfinished, with_total
from advdistill.verifier.options import Named, Options, options_of, plain
from advdistill.verifier.statements import final_statement

RULE = "choice"


@dataclass(frozen=True, kw_only=True)
class ChoiceVerifier:
    """Passes a response that settles on the gold option, by its letter or its own text.

    Two letters are no answer, however right one of them is.
    """

    option_text: bool
    """Whether the words of an option stand for its letter; never without options."""

    def judge(
        self, prompt: Prompt, response: Response, *, answer_format: AnswerFormat
    ) -> list[Reward]:
        """Return the row of the rule `choice` and the row `total`, which say the same."""
        return with_total(self._row(prompt, response, answer_format))

    def _row(self, prompt: Prompt, response: Response, answer_format: AnswerFormat) -> Reward:
        """Return what the rule finds."""
        options = options_of(prompt.choices if self.option_text else None)
        count = len(prompt.choices) if prompt.choices is not None else len(LETTERS)
        found = _found(response.text, answer_format, options)
        reading = found and Reading("", found[1], found[2])
        if row := unfinished(response, RULE, reading):
            return row
        gold = _gold(prompt.answer, options_of(prompt.choices))
        if gold is None:
            return reward(response, RULE, Verdict.error, detail="gold")
        if found is None:
            return reward(response, RULE, Verdict.unparsed, detail="no option found")
        named, tier, _ = found
        letters = named.letters
        if len(letters) != 1 or letters[0] not in LETTERS[:count]:
            return reward(response, RULE, Verdict.unparsed, tier=tier, detail=f"{letters}")
        verdict = Verdict.passed if letters[0] == gold else Verdict.failed
        return reward(response, RULE, verdict, answer=letters[0], tier=tier if named.how=="letter" else f"{tier}/{named.how}")


def _gold(answer: str, options: Options) -> str | None:
    named = options.of_piece(answer)
    return named.letters[0] if named and len(named.letters) == 1 else None


_ENCLOSED = ("boxed", "hash", "tags", "json")


def _found(text: str, answer_format: AnswerFormat, options: Options) -> tuple[Named, str, bool] | None:
    shown = visible(text)
    first = _RUN_ON.split(shown, maxsplit=1)
    if len(first) > 1 and first[0].strip() and (found := _in(first[0], answer_format, options)):
        return found[0], found[1], True
    return _in(shown, answer_format, options)


def _in(shown: str, answer_format: AnswerFormat, options: Options) -> tuple[Named, str, bool] | None:
    reading = answer_format.read(shown)
    if reading and reading.tier in _ENCLOSED:
        named = options.of_piece(reading.answer)
        if reading.tier == "boxed":
            place = shown.rfind("\\boxed")
            before = shown[max(0, place - 200) : place]
            if m := _OTHER_BOX.search(before):
                other = options.of_piece(m[1])
                if other and named:
                    named = Named(tuple(dict.fromkeys([*other.letters, *named.letters])), "letter")
        if named:
            return named, reading.tier, reading.closed
        if reading.tier == answer_format.style:
            shown = shown.rpartition(reading.answer)[2]
    statement = final_statement(shown, options)
    if statement is None:
        return None
    return statement.named, statement.tier, statement.closed

_OTHER_BOX = re.compile(r"\\boxed\{([^{}]{1,150})\}[\s$*\\()]{0,9}(?:,|/|&|or\b|and\b)[\s$*\\()]{0,9}(?:or|and)?[\s$*\\()]{0,9}\Z")
_RUN_ON = re.compile(r"\n\s{0,9}(?:Question|Q)\s?:", re.IGNORECASE)
