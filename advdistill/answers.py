"""How an answer is asked for, written and read back: one object for every user of a model's text.

Model output is hostile input: every pattern here runs in linear time, nothing is evaluated and
nothing recurses.
"""

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from advdistill.markers import last_mark
from advdistill.records import Prompt

_LONE = re.compile("[\ud800-\udfff]")
"""Half a surrogate pair is no text: no file can hold it."""
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
    """Which marker held it: a style's name, or `line`, `phrase` or `output` (see `markers`)."""
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
        """Return the answer in its marker; one that a line ends is written on one line."""
        on_one_line = " ".join(answer.split())
        match self.style:
            case AnswerStyle.boxed:
                return f"\\boxed{{{answer}}}"
            case AnswerStyle.hash:
                return f"#### {on_one_line}"
            case AnswerStyle.tags:
                return f"<answer>{answer}</answer>"
            case AnswerStyle.letter:
                return f"Answer: {on_one_line}"
            case AnswerStyle.json:
                return json.dumps({"answer": answer}, ensure_ascii=False)

    def read(self, text: str) -> Reading | None:
        """Return the last marked answer, those in the format's own style first; None for none."""
        shown = visible(text)
        mark = last_mark(shown, self.style)
        if mark is None:
            return None
        # A text cut off at its end might have gone on: a full stop may be a decimal point.
        closed = mark.enclosed or bool(shown[mark.end :].strip("."))
        return Reading(_LONE.sub("\ufffd", mark.answer), mark.tier, closed)


def _options(prompt: Prompt) -> list[str]:
    choices = prompt.choices or ()
    return [f"{letter}. {choice}" for letter, choice in zip(LETTERS, choices, strict=False)]


def visible(text: str) -> str:
    """Return what stands outside a `<think>` block, or the end of it where it is long."""
    after = text.rpartition("</think>")[2]
    shown = after.partition("<think>")[0]
    if len(shown) <= _MAX_CHARACTERS:
        return shown
    spoken = shown.rstrip()  # blanks without end would push the answer out of what is read
    return (spoken if len(spoken) == len(shown) else f"{spoken}\n")[-_MAX_CHARACTERS:]
