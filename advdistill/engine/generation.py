"""What every engine takes and gives back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from advdistill.errors import ConfigError
from advdistill.interfaces import Ask
from advdistill.records import Finish, Response

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """How answers are drawn; everything that a model's own generation config would add is off."""

    temperature: float
    """0 takes the likeliest token."""
    top_p: float
    max_tokens: int

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name, value, fine, wanted in (
            ("temperature", self.temperature, self.temperature >= 0, "0 or more"),
            ("top_p", self.top_p, 0 < self.top_p <= 1, "above 0 and at most 1"),
            ("max_tokens", self.max_tokens, self.max_tokens >= 1, "at least 1"),
        ):
            if not fine:
                raise ConfigError(f"{name} is {value}; wanted {wanted}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One answer as an engine wrote it."""

    text: str
    """Without the end-of-turn token."""
    tokens: int
    """Generated tokens, the end-of-turn token included."""
    finish: Finish
    logprob_sum: float | None
    """Under the model itself (temperature 1, no truncation), whatever it was drawn with."""

    def response(self, prompt_id: str, sample: int, *, teacher: str) -> Response:
        """Return the answer as a row."""
        total = self.logprob_sum
        return Response(
            prompt_id=prompt_id,
            sample=sample,
            text=self.text,
            tokens=self.tokens,
            finish=self.finish,
            logprob_sum=total,
            logprob_mean=None if total is None or not self.tokens else total / self.tokens,
            teacher=teacher,
        )


def responses_to(
    asks: Sequence[Ask], generations: Sequence[Sequence[Generation]], *, teacher: str
) -> list[Response]:
    """Return the answers to a shard as rows."""
    return [
        generation.response(ask.prompt.prompt_id, sample, teacher=teacher)
        for ask, group in zip(asks, generations, strict=True)
        for sample, generation in zip(ask.samples, group, strict=True)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """Token ids whose probability is asked for, given those before them."""

    context: Sequence[int]
    tokens: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Likelihood:
    """How probable the model finds a continuation."""

    logprob_sum: float
    """Natural log of its probability under the model itself, summed over its tokens."""
    greedy: bool
    """Whether each of its tokens is the likeliest one."""


class Engine(Protocol):
    """A model that is loaded and answers."""

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The model's own."""
        ...

    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        decoding: Decoding,
        seeds: Sequence[Sequence[int]],
    ) -> list[list[Generation]]:
        """Return an answer for each seed; every prompt has as many as wanted, at least one."""
        ...

    def likelihoods(self, continuations: Sequence[Continuation]) -> list[Likelihood]:
        """Return the likelihood of each continuation."""
        ...


def full_name(model: str, revision: str | None) -> str:
    """Return the model with its pinned commit, as rows name it."""
    return model if revision is None else f"{model}@{revision}"
