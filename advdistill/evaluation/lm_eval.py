"""Evaluation through lm-eval's Python API, scored by the run's own verifier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from typing import Any

from advdistill.answers import AnswerFormat
from advdistill.errors import ConfigError
from advdistill.interfaces import Judge, Watch
from advdistill.records import Item, Prompt, Response, Score, Verdict

ACCURACY = "accuracy"


class Backend(StrEnum):
    """Which engine writes the answers; scores of different backends are not compared."""

    transformers = "transformers"
    vllm = "vllm"


@dataclass(frozen=True, kw_only=True)
class LmEval:
    """Greedy answers to every held-out prompt, one task named `advdistill_<data set>`."""

    backend: Backend
    dtype: str
    max_tokens: int
    samples: int
    batch_size: int

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.max_tokens < 1 or self.batch_size < 1:
            raise ConfigError(
                f"evaluation: max_tokens is {self.max_tokens} and batch_size {self.batch_size}; "
                "wanted at least 1"
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
        """Return accuracy and the share of every verdict, and one item per prompt.

        Accuracy keeps every item in its denominator: only a pass is right.
        """
        from lm_eval.evaluator import evaluate
        from lm_eval.tasks import TaskManager

        from advdistill.evaluation.chat_model import ChatModel
        from advdistill.evaluation.task import prompt_task

        task_name = f"advdistill_{prompts[0].prompt_id.split('/')[0]}"
        items: dict[str, Item] = {}

        def score(prompt: Prompt, response: Response) -> dict[str, float]:
            total = judge([(prompt, response)])[0][-1]
            items[prompt.prompt_id] = _item(task_name, response, total.verdict, total.answer)
            return {ACCURACY: float(total.verdict is Verdict.passed)}

        with ChatModel.open(self, model, revision, watch) as chat_model:
            task = prompt_task(task_name, prompts, chat_model, answer_format, score)
            # the index of lm-eval's own tasks takes seconds to read and none is wanted
            tasks = TaskManager(include_defaults=False).load([task])
            # not `simple_evaluate`, which would seed the whole process and look for a checkout
            results: Any = evaluate(
                chat_model,
                tasks,
                apply_chat_template=True,
                system_instruction=answer_format.system,
                bootstrap_iters=0,
                log_samples=False,
            )
        found = results["results"][task_name]
        accuracy = float(found[f"{ACCURACY},none"])
        ordered = [items[prompt.prompt_id] for prompt in prompts]
        return _scores(task_name, accuracy, ordered), ordered


def _item(task: str, response: Response, verdict: Verdict, answer: str | None) -> Item:
    return Item(
        task=task,
        item_id=response.prompt_id,
        sample=response.sample,
        verdict=verdict,
        answer=answer,
        response=response.text,
        finish=response.finish,
    )


def _scores(task: str, accuracy: float, items: Sequence[Item]) -> list[Score]:
    verdicts = Counter(item.verdict for item in items)
    shares = {verdict.value: verdicts[verdict] / len(items) for verdict in Verdict}
    return [
        Score(
            task=task,
            metric=metric,
            value=value,
            stderr=sqrt(value * (1 - value) / max(len(items) - 1, 1)),
            items=len(items),
        )
        for metric, value in {ACCURACY: accuracy, **shares}.items()
    ]
