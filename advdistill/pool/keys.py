"""What an answer in a store answers: the text that is put to the teacher, not the prompt's id."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from advdistill.answers import AnswerFormat
from advdistill.digests import digest_of_json, digest_of_path, settings_of
from advdistill.interfaces import Member
from advdistill.records import Prompt

_VERSION = 1
"""Raised when the same settings come to give other answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A prompt as a store knows it."""

    prompt: Prompt
    key: str
    asked: str
    """The chat messages, as JSON."""


def questions(
    prompts: Callable[[], Iterable[Prompt]], answer_format: AnswerFormat
) -> Iterator[Question]:
    """Yield each prompt with its key.

    Prompts that read alike have keys of their own, by how many came before, so that none of them
    has another's answers. To find them, the prompts are read twice.
    """
    alike = _repeated(_short(_asked(prompt, answer_format)) for prompt in prompts())
    before: Counter[int] = Counter()
    for prompt in prompts():
        asked = _asked(prompt, answer_format)
        short = _short(asked)
        copy = before[short]
        if short in alike:
            before[short] += 1
        yield Question(prompt=prompt, key=_key(asked, copy), asked=asked)


def store_about(member: Member, answer_format: AnswerFormat) -> dict[str, object]:
    """Return what all answers of a store have in common, beside their prompts.

    Not how many there are, nor how they are got, nor how they are read.
    """
    settings = settings_of(member.author)
    del settings["samples"]
    return {
        "version": _VERSION,
        "teacher": settings,
        "files": digest_of_json([digest_of_path(path) for path in member.sources()]),
        "template_options": answer_format.template_options,
    }


def _asked(prompt: Prompt, answer_format: AnswerFormat) -> str:
    return json.dumps(answer_format.ask(prompt), ensure_ascii=False)


def _key(asked: str, copy: int) -> str:
    return sha256(f"{asked}\x1f{copy}".encode(errors="replace")).hexdigest()[:32]


def _short(asked: str) -> int:
    """Return a number that is the same for equal texts, and seldom for others."""
    return int.from_bytes(sha256(asked.encode(errors="replace")).digest()[:8], "big", signed=True)


def _repeated(numbers: Iterable[int]) -> set[int]:
    found, counts = np.unique(np.fromiter(numbers, dtype=np.int64), return_counts=True)
    return set(found[counts > 1].tolist())
