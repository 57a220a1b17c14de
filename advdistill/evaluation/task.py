"""Prompts as an lm-eval task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from datasets import Dataset
from lm_eval.api.task import ConfigurableTask

from advdistill.answers import AnswerFormat
from advdistill.records import Prompt, Response

if TYPE_CHECKING:
    from advdistill.evaluation.chat_model import ChatModel

ScoreResponse = Callable[[Prompt, Response], dict[str, float]]

SPLIT = "test"


def prompt_task(
    name: str,
    prompts: Sequence[Prompt],
    chat_model: ChatModel,
    answer_format: AnswerFormat,
    score: ScoreResponse,
) -> ConfigurableTask:
    """Return a zero-shot generation task whose scorer is `score`."""
    by_id = {prompt.prompt_id: prompt for prompt in prompts}

    def process_results(doc: Mapping[str, str], _: Sequence[str]) -> dict[str, float]:
        prompt = by_id[doc["prompt_id"]]
        # the response as the engine wrote it: lm-eval's own copy has lost the finish reason
        return score(prompt, chat_model.responses[prompt.prompt_id])

    rows = [
        {
            "prompt_id": prompt.prompt_id,
            "text": answer_format.ask(prompt)[-1]["content"],
            "answer": prompt.answer,
        }
        for prompt in prompts
    ]
    return ConfigurableTask(
        config={
            "task": name,
            "custom_dataset": lambda **_: {SPLIT: Dataset.from_list(rows)},
            "test_split": SPLIT,
            "output_type": "generate_until",
            "doc_to_text": lambda doc: doc["text"],
            "doc_to_target": lambda doc: doc["answer"],
            "process_results": process_results,
            "num_fewshot": 0,
            "generation_kwargs": {"until": [], "do_sample": False},
            "metric_list": [
                {"metric": "accuracy", "aggregation": "mean", "higher_is_better": True}
            ],
            "metadata": {"version": 1},
        }
    )
