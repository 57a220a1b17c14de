"""How an answer is asked for, written and read back: one object for teacher, verifier, student and evaluation."""

from dataclasses import dataclass
from enum import StrEnum


class AnswerStyle(StrEnum):
    """Where the final answer stands."""

    hash = "hash"
    boxed = "boxed"


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

    def ask(self, question: str) -> list[dict[str, str]]:
        """Return the chat messages that put the question to a model."""
        content = f"{question}\n{self.instruction}" if self.instruction else question
        system = [{"role": "system", "content": self.system}] if self.system else []
        return [*system, {"role": "user", "content": content}]
