"""What the scripted endpoint answers, and which faults it has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any


class Fault(StrEnum):
    """Everything that can be wrong with a reply."""

    limited = "429 with Retry-After in seconds"
    limited_date = "429 with Retry-After as a date"
    limited_bare = "429 without Retry-After"
    error = "500"
    reset = "connection reset"
    cut = "connection closed in the body"
    slow = "slow bytes"
    truncated = "truncated JSON"
    garbage = "invalid JSON"
    shape = "JSON of another shape"
    twice = "an index twice"
    none = "no answers"
    fewer = "an answer too few"
    hang = "no reply"


Plan = Callable[[str, int], Fault | None]
"""Returns the fault of the nth try (from 0) at a request, named by prompt and seed."""


def no_faults(_key: str, _number: int) -> None:
    """Return that nothing is wrong."""
    return


def share_of_faults(share: float, kinds: Sequence[Fault] = tuple(Fault), *, most: int = 5) -> Plan:
    """Return a plan in which so many tries fail, each kind as often; none fails `most` times."""

    def plan(key: str, number: int) -> Fault | None:
        draw = _number(f"{key}\x1f{number}") / 2**32
        return kinds[int(draw / share * len(kinds))] if draw < share and number < most else None

    return plan


def first_try(fault: Fault) -> Plan:
    """Return a plan in which every first try has the fault."""
    return lambda _key, number: fault if number == 0 else None


def always(fault: Fault) -> Plan:
    """Return a plan in which nothing goes right."""
    return lambda _key, _number: fault


def answer_of(prompt: str, seed: int, index: int = 0) -> str:
    """Return the answer; it belongs to this prompt and no other."""
    return f"{sha256(prompt.encode()).hexdigest()[:16]}:{seed + index} it is #### {seed % 97}"


@dataclass(kw_only=True)
class Script:
    """Answers completions; keeps count of the tries at each request."""

    plan: Plan = no_faults
    most_answers: int = 128
    """Of one request; what is asked for beyond is left out."""
    usage: bool = True
    finish: str | None = "stop"
    tries: Counter[str] = field(default_factory=Counter)
    faults: Counter[Fault] = field(default_factory=Counter)

    def fault(self, body: Mapping[str, Any]) -> Fault | None:
        """Return what goes wrong with this try."""
        key = f"{prompt_of(body)}\x1f{body.get('seed')}"
        fault = self.plan(key, self.tries[key])
        self.tries[key] += 1
        if fault:
            self.faults[fault] += 1
        return fault

    def completion(self, body: Mapping[str, Any], fault: Fault | None) -> dict[str, Any]:
        """Return the reply, with the faults that its content can have."""
        asked = {Fault.none: 0, Fault.fewer: body.get("n", 1) - 1}.get(fault, body.get("n", 1))
        count = min(asked, self.most_answers)
        choices = [self._choice(body, index) for index in range(count)]
        if fault is Fault.twice:
            choices.append(choices[0])
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "model": body["model"],
            "choices": choices,
            "usage": {"prompt_tokens": 10, "completion_tokens": 4 * len(choices)},
        } | ({} if self.usage else {"usage": None})

    def _choice(self, body: Mapping[str, Any], index: int) -> dict[str, Any]:
        tokens = [{"token": "x", "logprob": -0.5}, {"token": "y", "logprob": -0.25}]
        return {
            "index": index,
            "message": {
                "role": "assistant",
                "content": answer_of(prompt_of(body), body.get("seed", 0), index),
            },
            "finish_reason": self.finish,
            "logprobs": {"content": tokens} if body.get("logprobs") else None,
        }


def prompt_of(body: Mapping[str, Any]) -> str:
    """Return what the user says."""
    return str(body["messages"][-1]["content"])


def _number(text: str) -> int:
    return int.from_bytes(sha256(text.encode()).digest()[:4], "big")
