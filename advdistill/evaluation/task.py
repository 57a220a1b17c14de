"""Prompts as lm-eval tasks: answered in words, or by the likeliest option."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datasets import Dataset
from lm_eval.api.task import ConfigurableTask

from advdistill.answers import LETTERS, AnswerFormat
from advdistill.records import Prompt

ACCURACY = "accuracy"
_SPLIT = "test"

Document = Mapping[str, Any]
"""Names one answer: `prompt_id` and `sample`."""


def answered_task(
    name: str,
    prompts: Sequence[Prompt],
    *,
    samples: int,
    answer_format: AnswerFormat,
    scoring: Mapping[str, object],
) -> ConfigurableTask:
    """Return a zero-shot task that asks for `samples` answers to every prompt.

    `scoring` holds lm-eval's own settings of how an answer is scored.
    """
    generation = {"until": [], "do_sample": False}  # how answers are drawn is the engine's matter
    return ConfigurableTask(
        config={
            **_asked(name, prompts, samples, answer_format),
            "output_type": "generate_until",
            "doc_to_target": _lookup({prompt.prompt_id: prompt.answer for prompt in prompts}),
            "generation_kwargs": generation,
            **scoring,
        }
    )


def likelihood_task(
    name: str, prompts: Sequence[Prompt], *, answer_format: AnswerFormat
) -> ConfigurableTask:
    """Return a task that takes as the answer the option whose written letter is likeliest."""
    written = {
        prompt.prompt_id: [
            answer_format.write(letter) for letter in LETTERS[: len(prompt.choices or ())]
        ]
        for prompt in prompts
    }
    # As text: lm-eval counts a gold answer that is none of the options as never found.
    golds = {prompt.prompt_id: answer_format.write(prompt.answer) for prompt in prompts}
    return ConfigurableTask(
        config={
            **_asked(name, prompts, 1, answer_format),
            "output_type": "multiple_choice",
            "doc_to_choice": _lookup(written),
            "doc_to_target": _lookup(golds),
            "metric_list": [mean_of("acc"), mean_of("acc_norm")],
        }
    )


def mean_of(metric: str) -> dict[str, object]:
    """Return lm-eval's setting of a metric that is averaged."""
    return {"metric": metric, "aggregation": "mean", "higher_is_better": True}


def _asked(
    name: str, prompts: Sequence[Prompt], samples: int, answer_format: AnswerFormat
) -> dict[str, Any]:
    documents = [
        {"prompt_id": prompt.prompt_id, "sample": sample}
        for prompt in prompts
        for sample in range(samples)
    ]
    texts = {prompt.prompt_id: answer_format.ask(prompt)[-1]["content"] for prompt in prompts}
    return {
        "task": name,
        "custom_dataset": lambda **_: {_SPLIT: Dataset.from_list(documents)},
        "test_split": _SPLIT,
        "doc_to_text": _lookup(texts),
        "num_fewshot": 0,
        "metadata": {"version": 2},
    }


def _lookup(by_id: Mapping[str, Any]) -> Any:
    """Return a function from a document to what belongs to its prompt.

    A function, since lm-eval takes a text to be a template.
    """
    return lambda document: by_id[document["prompt_id"]]
