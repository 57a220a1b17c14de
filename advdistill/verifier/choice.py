"""Compares the option that a response settles on with the gold one.

Model output is hostile input: every pattern here takes linear time and nothing is evaluated.
"""

import re
from dataclasses import dataclass, replace

from advdistill.answers import LETTERS, AnswerFormat, AnswerStyle, Reading, visible
from advdistill.records import Finish, Prompt, Response, Reward, Verdict
from advdistill.verdicts import reward, unfinished, with_total
from advdistill.verifier.endings import last_words
from advdistill.verifier.options import Named, Options, options_of
from advdistill.verifier.statements import DOUBTED, STATEMENT, Statement, last_statement

_RULE = "choice"


@dataclass(frozen=True, kw_only=True)
class ChoiceVerifier:
    """Passes a response that settles on the gold option, by its letter or by its own text.

    Two letters are no answer, however right one of them is.
    """

    def judge(
        self, prompt: Prompt, response: Response, *, answer_format: AnswerFormat
    ) -> list[Reward]:
        """Return the row of the rule `choice` and the row `total`, which say the same."""
        return with_total(
            _plain_row(prompt, response, answer_format) or _row(prompt, response, answer_format)
        )


def _plain_row(prompt: Prompt, response: Response, answer_format: AnswerFormat) -> Reward | None:
    """Return the row of a response that ends in the format's own marker with one letter.

    It is the row that `_row` gives, several times as fast; None where a closer look is needed.
    """
    count = len(LETTERS) if prompt.choices is None else len(prompt.choices)
    letter = _last_letter(visible(response.text), answer_format.style)
    place = LETTERS.find(letter) if letter else -1
    if not 0 <= place < count <= len(LETTERS) or response.finish is not Finish.stop:
        return None
    if len(prompt.answer) != 1 or not 0 <= LETTERS.find(prompt.answer) < count:
        return None
    verdict = Verdict.passed if letter == prompt.answer else Verdict.failed
    tier = STATEMENT if answer_format.style is AnswerStyle.letter else answer_format.style.value
    return reward(response, _RULE, verdict, answer=letter, tier=tier)


def _row(prompt: Prompt, response: Response, answer_format: AnswerFormat) -> Reward:
    """Return what the rule finds."""
    options = options_of(prompt.choices)
    said = _said(response.text, answer_format, options)
    if row := unfinished(response, _RULE, said and Reading("", said.tier, said.closed)):
        return row
    gold = options.of_piece(prompt.answer)
    if gold is None or _refusal(gold, options) or len(prompt.choices or ()) > len(LETTERS):
        return reward(response, _RULE, Verdict.error, detail=_no_gold(prompt))
    if said is None:
        return reward(response, _RULE, Verdict.unparsed, detail="no option found")
    tier = said.tier if said.named.how in ("letter", "none") else f"{said.tier}_{said.named.how}"
    if refusal := _refusal(said.named, options):
        return reward(response, _RULE, Verdict.unparsed, tier=tier, detail=refusal)
    letter = said.named.letters[0]
    verdict = Verdict.passed if letter == gold.letters[0] else Verdict.failed
    return reward(response, _RULE, verdict, answer=letter, tier=tier)


def _refusal(named: Named, options: Options) -> str | None:
    """Return why what is named is not one of the options; None where it is."""
    if not named.letters:
        return "says that no option is right"
    if named.letters[1:]:
        return f"more than one option: {', '.join(named.letters)}"
    if named.letters[0] not in options.letters:
        return f"option {named.letters[0]}, but the last one is {options.letters[-1:] or 'none'}"
    return None


def _no_gold(prompt: Prompt) -> str:
    """Return why the question cannot be judged."""
    count = len(prompt.choices or ())
    if count > len(LETTERS):
        return f"{count} options; wanted at most {len(LETTERS)}, one for each letter"
    wanted = "one letter" if prompt.choices is None else f"letter or text of one of {count} options"
    return f"the gold answer is {prompt.answer[:80]!r}; wanted the {wanted}"


def _said(text: str, answer_format: AnswerFormat, options: Options) -> Statement | None:
    """Return the response's last word on the question that it was asked.

    A base model that was not stopped goes on to ask and answer questions of its own.
    """
    shown = visible(text)
    asked, *others = _NEXT_QUESTION.split(shown, maxsplit=1)
    if others and asked.strip() and (said := _last_word(asked, answer_format, options)):
        return replace(said, closed=True)
    return _last_word(shown, answer_format, options)


def _last_word(text: str, answer_format: AnswerFormat, options: Options) -> Statement | None:
    """Return the last marked answer that names an option, else the last statement in prose.

    A mark of the format's own that names none stands: only what follows it can replace it.
    """
    reading = answer_format.read(text)
    if reading and (said := _marked(text, reading, options)):
        return said
    if reading and reading.tier == answer_format.style and reading.tier in _MARKERS:
        text = text.rpartition(reading.answer)[2]
    if said := last_statement(text, options):
        return said
    # The format `letter` reads prose before boxes: `the answer follows: \boxed{B}`.
    boxed = _BOXED.read(text) if "\\boxed" in text else None
    return (boxed and _marked(text, boxed, options)) or last_words(text, options)


def _marked(text: str, reading: Reading, options: Options) -> Statement | None:
    r"""Return what a mark names together with the one joined to it: `\boxed{A} or \boxed{B}`."""
    if reading.tier not in _MARKERS or (named := options.of_piece(reading.answer)) is None:
        return None
    start = max(0, text.rfind(_MARKERS[reading.tier]))
    joined = _MARK_BEFORE.search(text, max(0, start - 200), start)
    other = options.of_piece(joined["box"] or joined["tag"]) if joined else None
    if other:
        named = Named(tuple(dict.fromkeys([*other.letters, *named.letters])), "letter")
    return Statement(named, reading.tier, reading.closed)


def _last_letter(text: str, style: AnswerStyle) -> str | None:
    """Return the letter in the format's own marker at the very end; None where it may deceive."""
    asked = _NEXT_QUESTION.search(text)
    end = asked.start() if asked else len(text)
    match = _ENDINGS[style].search(text, max(0, end - 60), end)
    if match is None:
        return None
    before = text[max(0, match.start() - 60) : match.start()]
    clause = _SENTENCE_END.split(before)[-1]
    unsure = DOUBTED.search(clause) or before.rstrip(" \n\t$*\\()").endswith(_JOINTS)
    return None if unsure else match["letter"]


_BOXED = AnswerFormat(style=AnswerStyle.boxed, instruction="", system=None, thinking=None)
_MARKERS = {"boxed": "\\boxed", "hash": "####", "tags": "<answer>", "json": '"answer"'}
_MARK_BEFORE = re.compile(
    r"(?:\\boxed\s?\{(?P<box>[^{}]{1,150})\}|<answer>(?P<tag>[^<]{1,150})</answer>)"
    r"(?:(?!\b(?:is|are|not|but|so)\b)[^{}<>\n.;:]){0,60}?"
    r"(?:,|/|&|\bor\b|\band\b)[\s$*\\()]{0,9}(?:(?:or|and|also)\b[\s$*\\()]{0,9})?\Z"
)
"""`\\boxed{A} cats or \\boxed{B}`: what joins a mark to the last one stands between them."""
_NEXT_QUESTION = re.compile(r"\n[ \t*]{0,9}(?:Question|Q)\s?\d{0,3}\s?:", re.IGNORECASE)
_LETTER = r"\(?(?P<letter>[A-Z])\)?"
_ENDINGS = {
    AnswerStyle.boxed: re.compile(
        rf"\\boxed\{{(\\text\{{)?{_LETTER}(?(1)\}})\}}[\s.$)\\\]]{{0,9}}\Z"
    ),
    AnswerStyle.hash: re.compile(rf"#### {_LETTER}\s{{0,9}}\Z"),
    AnswerStyle.tags: re.compile(rf"<answer>{_LETTER}</answer>\s{{0,9}}\Z"),
    AnswerStyle.letter: re.compile(rf"\b[Aa]nswer(?: is |: ){_LETTER}[\s.]{{0,9}}\Z"),
    AnswerStyle.json: re.compile(rf'"answer": "{_LETTER}"\}}\s{{0,9}}\Z'),
}
_SENTENCE_END = re.compile(r"[.;:!?\n]")
_JOINTS = ("or", "and", "also", ",", "/", "&")
"""Ends of a text that may join another marker to the one behind it."""
