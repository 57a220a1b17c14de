"""Chat completions: what is asked, and what of a reply is an answer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from advdistill.answers import AnswerFormat
from advdistill.records import Finish, Prompt, Response
from advdistill.seeds import sample_seed

PATH = "chat/completions"
_SEEDS = 2**31
"""Servers differ in how wide a seed may be; all take this."""
_LONE = re.compile("[\ud800-\udfff]")
"""Half a surrogate pair is no text: no file can hold it."""
_TEMPLATE_TOKENS = 64
"""More than a chat template adds to a prompt, its default system message included."""
_FINISHES = {"stop": Finish.stop, "length": Finish.length}


class Malformed(Exception):  # noqa: N818
    """A reply that is not shaped as the protocol has it."""

    def __init__(self, found: object) -> None:
        super().__init__("a reply of another shape")
        self.found = found
        """Not in the message: a server may repeat the key."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """How each prompt is put to the model: everything that a request says beside the messages."""

    name: str
    """What the endpoint calls the model."""
    temperature: float
    top_p: float
    max_tokens: int
    logprobs: bool
    seed: int
    options: Mapping[str, Any]
    """Written over the other fields; None takes one out."""

    def body(self, prompt: Prompt, numbers: range, answer_format: AnswerFormat) -> dict[str, Any]:
        """Return the request for the answers of these numbers, seeded by the first of them."""
        extra = answer_format.template_options
        fields = {
            "model": self.name,
            "messages": answer_format.ask(prompt),
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_tokens": self.max_tokens,
            "n": len(numbers),
            "seed": sample_seed(self.seed, prompt.prompt_id, numbers.start) % _SEEDS,
            "logprobs": True if self.logprobs else None,
            "chat_template_kwargs": extra or None,
            **self.options,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def most_tokens(self, prompt: Prompt, answers: int, answer_format: AnswerFormat) -> int:
        """Return what a request could use: a token is at least a byte of the prompt."""
        written = sum(len(one["content"].encode()) for one in answer_format.ask(prompt))
        return written + _TEMPLATE_TOKENS + answers * self.max_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One answer as the endpoint gave it."""

    text: str
    finish: Finish
    tokens: int | None
    logprobs: tuple[float, ...] | None
    """Of each token, at least one; None where not given."""

    def response(self, prompt_id: str, sample: int, *, teacher: str) -> Response:
        """Return the answer as a row."""
        total, mean = None, None
        if self.logprobs is not None:
            total, mean = sum(self.logprobs), sum(self.logprobs) / len(self.logprobs)
        return Response(
            prompt_id=prompt_id,
            sample=sample,
            text=self.text,
            tokens=self.tokens,
            finish=self.finish,
            logprob_sum=total,
            logprob_mean=mean,
            teacher=teacher,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What one request gave."""

    choices: Mapping[int, Choice]
    """By their index; one that came twice, or was not asked for, is left out."""
    prompt_tokens: int
    completion_tokens: int


def no_answer(prompt_id: str, sample: int, *, teacher: str) -> Response:
    """Return the row of an answer that cannot be had."""
    none = Choice(text="", finish=Finish.error, tokens=None, logprobs=None)
    return none.response(prompt_id, sample, teacher=teacher)


def read(payload: object, *, answers: int) -> Reply:
    """Return the answers in a reply to a request for so many.

    Raises:
        Malformed: it is no chat completion.
    """
    match payload:
        case {"choices": [*given], **rest}:
            usage = _usage(rest.get("usage"))
        case _:
            raise Malformed(payload)
    choices = list(_choices(given, alone_tokens=usage[1] if len(given) == 1 else None))
    times = Counter(index for index, _ in choices)
    return Reply(
        choices={
            index: choice
            for index, choice in choices
            if times[index] == 1 and index in range(answers)
        },
        prompt_tokens=usage[0] or 0,
        completion_tokens=usage[1] or 0,
    )


def _choices(given: Sequence[object], *, alone_tokens: int | None) -> Iterator[tuple[int, Choice]]:
    """Yield the answers; the tokens of a reply are those of its answer where that is alone."""
    for choice in given:
        match choice:
            case {
                "index": int(index),
                "message": {"content": str() | None as text, **message},
                **rest,
            }:
                logprobs = _logprobs(rest.get("logprobs"))
                counted = None if logprobs is None else len(logprobs)
                refused = text is None or message.get("refusal") is not None
                finish = _FINISHES.get(str(rest.get("finish_reason")), Finish.error)
                yield (
                    index,
                    Choice(
                        text=_LONE.sub("\ufffd", text or ""),
                        finish=Finish.error if refused and finish is Finish.stop else finish,
                        tokens=counted if alone_tokens is None else alone_tokens,
                        logprobs=logprobs,
                    ),
                )
            case _:
                raise Malformed(choice)


def _usage(given: object) -> tuple[int | None, int | None]:
    """Return the tokens of prompt and answers, or None where the server does not say."""
    match given:
        case {"prompt_tokens": int(prompt), "completion_tokens": int(completion)} if (
            prompt >= 0 and completion >= 0
        ):
            return prompt, completion
        case _:
            return None, None


def _logprobs(given: object) -> tuple[float, ...] | None:
    """Return the tokens' log-probs, or None where one is missing or none."""
    match given:
        case {"content": [_, *_] as tokens}:
            values = [one.get("logprob") if isinstance(one, dict) else None for one in tokens]
        case _:
            return None
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    fine = len(numbers) == len(values) and all(isfinite(one) and one <= 0 for one in numbers)
    return tuple(numbers) if fine else None
