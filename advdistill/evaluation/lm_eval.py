"""Evaluation through lm-eval's Python API, scored by the run's own verifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from advdistill.answers import AnswerFormat
from advdistill.engine.generation import Decoding
from advdistill.errors import ConfigError
from advdistill.interfaces import Judge, Watch
from advdistill.records import Item, Prompt, Score


class Backend(StrEnum):
    """Which engine writes the answers; scores of different backends are not compared."""

    transformers = "transformers"
    vllm = "vllm"


@dataclass(frozen=True, kw_only=True)
class LmEval:
    """Answers to every held-out prompt, as the task `advdistill_<data set>`."""

    backend: Backend
    dtype: str
    max_tokens: int
    samples: int
    """Answers per prompt; more than one are drawn, each with a seed of its own."""
    temperature: float
    """0 takes the likeliest token."""
    top_p: float
    seed: int
    batch_size: int
    """Answers, or options, that the engine is given at a time."""
    loglikelihood: bool
    """Also score the options of prompts that have some: `advdistill_<data set>_loglikelihood`."""
    stock: bool
    """Also score the same answers as lm-eval's own task of the data set does, where it has one."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        # vLLM raises a lower temperature to 0.01.
        least = 0.01 if self.backend is Backend.vllm else 0.0
        for name, value, fine, wanted in (
            ("max_tokens", self.max_tokens, self.max_tokens >= 1, "at least 1"),
            ("samples", self.samples, self.samples >= 1, "at least 1"),
            (
                "temperature",
                self.temperature,
                self.temperature == 0 or self.temperature >= least,
                f"0, or {least} up" if least else "0 or more",
            ),
            ("top_p", self.top_p, 0 < self.top_p <= 1, "above 0 and at most 1"),
            ("batch_size", self.batch_size, self.batch_size >= 1, "at least 1"),
        ):
            if not fine:
                raise ConfigError(f"evaluation: {name} is {value}; wanted {wanted}")
        if self.samples > 1 and self.temperature == 0:
            raise ConfigError(
                f"evaluation: samples is {self.samples} and temperature 0, which writes one answer "
                f"{self.samples} times; set evaluation.temperature or evaluation.samples=1"
            )

    @property
    def decoding(self) -> Decoding:
        """How answers are drawn."""
        return Decoding(
            temperature=self.temperature,
            top_p=self.top_p,
            max_tokens=self.max_tokens,
        )

    def check(self) -> None:
        """Raise a ConfigError where vLLM is asked for and not installed."""
        if self.backend is Backend.vllm:
            from advdistill.engine.vllm_start import require_vllm

            require_vllm()

    def evaluate(
        self,
        model: str,
        prompts: Sequence[Prompt],
        *,
        revision: str | None,
        judge: Judge,
        answer_format: AnswerFormat,
        watch: Watch,
    ) -> tuple[list[Score], list[Item]]:
        """Return the scores, accuracy first, and one item per answer.

        Every item stays in the denominator: only a pass is right.
        """
        from advdistill.evaluation.chat_model import ChatModel, open_engine
        from advdistill.evaluation.measuring import measure

        with open_engine(self, model, revision) as engine:
            chat_model = ChatModel(self, model, engine, answer_format=answer_format, watch=watch)
            measured = measure(chat_model, prompts, judge)
        return measured.scores(), measured.items
