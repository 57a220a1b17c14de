"""How an answer is asked for, written and read back: one object for every user of a model's text.

Model output is hostile input: every pattern here runs in linear time, nothing is evaluated and
nothing recurses.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from advdistill.records import Prompt

_MAX_CHARACTERS = 20_000
"""Only this much of a long answer is read, from its end."""


class AnswerStyle(StrEnum):
    """Where the final answer stands."""

    hash = "hash"
    """`#### 42`"""
    boxed = "boxed"
    r"""`\boxed{42}`"""
    tags = "tags"
    """`<think>6 * 7</think><answer>42</answer>`"""
    letter = "letter"
    """`Answer: B`"""
    json = "json"
    """`{"reasoning": "6 * 7", "answer": "42"}`"""


LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""What the options of a question are called, in their order."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The final answer of a text, as it is written there."""

    answer: str
    tier: str
    """Which marker held it: a style's name, `line` (`A: 26`) or `phrase` (`the answer is 26`)."""
    closed: bool
    """False where a text cut off at its end might have gone on with the answer: `#### 4`."""


@dataclass(frozen=True, kw_only=True)
class AnswerFormat:
    """How the answer is asked for and where it is read.

    Every user of a model's text goes through this object, so that training and evaluation cannot
    read an answer differently.
    """

    style: AnswerStyle
    instruction: str
    """Written below the question; empty for none."""
    system: str | None
    """The system message; None for none."""

    thinking: bool | None
    """Turns a model's thinking mode on or off by its chat template; None leaves its default."""

    def ask(self, prompt: Prompt) -> list[dict[str, str]]:
        """Return the chat messages that put the problem, with its options, to a model."""
        content = "\n".join(filter(None, [prompt.question, *_options(prompt), self.instruction]))
        system = [{"role": "system", "content": self.system}] if self.system else []
        return [*system, {"role": "user", "content": content}]

    @property
    def template_options(self) -> dict[str, Any]:
        """What the chat template is given beside the messages."""
        return {} if self.thinking is None else {"enable_thinking": self.thinking}

    def write(self, answer: str) -> str:
        """Return the answer in its marker."""
        match self.style:
            case AnswerStyle.boxed:
                return f"\\boxed{{{answer}}}"
            case AnswerStyle.hash:
                return f"#### {answer}"
            case AnswerStyle.tags:
                return f"<answer>{answer}</answer>"
            case AnswerStyle.letter:
                return f"Answer: {answer}"
            case AnswerStyle.json:
                return json.dumps({"answer": answer}, ensure_ascii=False)

    def read(self, text: str) -> Reading | None:
        """Return the last marked answer, those in the format's own style first; None for none."""
        shown = visible(text)
        marks = list(_marks(shown))
        own = [mark for mark in marks if mark.tier == self.style]
        if not marks:
            return None
        last = max(own or marks, key=lambda mark: mark.start)
        return Reading(last.answer, last.tier, last.enclosed or _goes_on(shown, last.end))


def _options(prompt: Prompt) -> list[str]:
    choices = prompt.choices or ()
    return [f"{letter}. {choice}" for letter, choice in zip(LETTERS, choices, strict=False)]


def visible(text: str) -> str:
    """Return what stands outside a `<think>` block, or the end of it where it is long."""
    after = text.rpartition("</think>")[2]
    return after.partition("<think>")[0][-_MAX_CHARACTERS:]


@dataclass(frozen=True, slots=True)
class _Mark:
    """A marked answer and where it stands."""

    answer: str
    tier: str
    start: int
    end: int
    enclosed: bool
    """True where the marker has an end of its own, such as a brace."""


_HEADING = (
    r"(?:step|part|case)\s\d|"
    r"(?-i:[A-Z][A-Za-z']*(?: (?:[a-z]{1,3}|[A-Z][A-Za-z']*)){1,9}:?[ \t]*\n\s{0,9}\S)"
)
"""`#### Step 2` and, with text below it, `#### Total Eggs Sold` are headings in Markdown."""
_LINE_MARKERS = {
    "hash": re.compile(
        rf"####[ \t]*(?!{_HEADING})(?P<answer>[^\s#](?:(?!####)[^\n])*)", re.IGNORECASE
    ),
    # OpenAI's GSM8K samples end in a line such as `A: 26`.
    "line": re.compile(r"^A:[ \t]*(?P<answer>[^\s][^\n]*)", re.MULTILINE),
    # To the end of the sentence: a full stop inside a number has no space behind it.
    "phrase": re.compile(
        r"\banswer[*_]{0,3}\s{0,3}(?:is|was|would be|will be|[:=])[*_:]{0,4}\s{0,3}"
        r"(?P<answer>[^\s.](?:(?!\banswer\s(?:is|was)\b)[^\n])*?)(?=[.!?][*_]{0,3}(?:\s|\Z)|。|\n|\Z)",
        re.IGNORECASE,
    ),
}
_ENCLOSED_MARKERS = {
    "json": re.compile(
        r'"answer"\s{0,9}:\s{0,9}(?:"(?P<answer>(?:[^"\\]|\\.){1,500})"'
        r"|(?P<bare>[^\s\",{}\[\]]{1,500})\s{0,9}[,}])"
    ),
    "tags": re.compile(r"<answer>(?P<answer>[^<]{1,500})(?P<bare>)</answer>"),
}
_BRACE = re.compile(r"(?P<box>\\(?:boxed|fbox)\s{0,3}\{)|\\[{}\\]|(?P<open>\{)|(?P<close>\})")


def _marks(text: str) -> Iterator[_Mark]:
    """Yield every marked answer that is not blank."""
    yield from _boxes(text)
    for tier, pattern in _LINE_MARKERS.items():
        for match in pattern.finditer(text):
            yield _Mark(match["answer"].strip(), tier, match.start(), match.end(), False)
    for tier, pattern in _ENCLOSED_MARKERS.items():
        for match in pattern.finditer(text):
            answer = (match["answer"] or match["bare"]).replace("\\\\", "\\").replace('\\"', '"')
            if answer := answer.strip():
                yield _Mark(answer, tier, match.start(), match.end(), True)


def _boxes(text: str) -> Iterator[_Mark]:
    r"""Yield the content of each closed `\boxed{}`, in one pass with a stack of open braces."""
    opened: list[re.Match[str]] = []
    for match in _BRACE.finditer(text):
        if match["box"] or match["open"]:
            opened.append(match)
        elif match["close"] and opened:
            brace = opened.pop()
            answer = text[brace.end() : match.start()].strip() if brace["box"] else ""
            if answer:
                yield _Mark(answer, "boxed", brace.start(), match.end(), True)


def _goes_on(text: str, end: int) -> bool:
    """Return whether more than a full stop, which may be a decimal point, follows the answer."""
    return bool(text[end:].strip("."))
