"""The tasks of a data set, run by lm-eval on one model, and what every answer scored in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lm_eval.evaluator import evaluate
from lm_eval.tasks import TaskManager

from advdistill.evaluation.chat_model import ChatModel
from advdistill.evaluation.metrics import Values, item_scores, mean_score
from advdistill.evaluation.stock import stock_metric, stock_scoring
from advdistill.evaluation.task import (
    ACCURACY,
    Document,
    answered_task,
    likelihood_task,
    mean_of,
)
from advdistill.interfaces import Judge
from advdistill.records import Item, Prompt, Response, Reward, Score, Verdict


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Every answer with its verdict, and what it scored."""

    task: str
    items: list[Item]
    values: Mapping[tuple[str, str], Values]
    """By task and metric."""

    def scores(self) -> list[Score]:
        """Return accuracy, what else the verdicts give, then the scores of lm-eval's own making."""
        own = (self.task, ACCURACY)
        others = [key for key in self.values if key != own]
        return [
            mean_score(*own, self.values[own]),
            *item_scores(self.task, self.items),
            *(mean_score(*key, self.values[key]) for key in others),
        ]


def measure(chat_model: ChatModel, prompts: Sequence[Prompt], judge: Judge) -> Measured:
    """Return what lm-eval finds of the model's answers to prompts of one data set."""
    settings, answer_format = chat_model.evaluation, chat_model.answer_format
    data_set = prompts[0].prompt_id.split("/")[0]
    name = f"advdistill_{data_set}"
    judged = _Judged(prompts, chat_model.responses, judge)

    def answered(task: str, scoring: Mapping[str, object]) -> Any:
        samples = settings.samples
        return answered_task(
            task, prompts, samples=samples, answer_format=answer_format, scoring=scoring
        )

    own = {"process_results": judged.score, "metric_list": [mean_of(ACCURACY)]}
    tasks = [answered(name, own)]
    stock = stock_scoring(data_set, prompts) if settings.stock else None
    if stock is not None:
        tasks.append(answered(f"{name}_stock", stock))
    optional = [prompt for prompt in prompts if prompt.choices] if settings.loglikelihood else []
    if optional:
        tasks.append(
            likelihood_task(f"{name}_loglikelihood", optional, answer_format=answer_format)
        )
    chat_model.steps = len(prompts) + sum(len(prompt.choices or ()) for prompt in optional)
    values = _values(_samples(chat_model, tasks), stock=f"{name}_stock", beside=name)
    return Measured(task=name, items=judged.items(name), values=values)


class _Judged:
    """The verdict on every answer; all are judged together when the first is asked for."""

    def __init__(
        self, prompts: Sequence[Prompt], responses: Mapping[tuple[str, int], Response], judge: Judge
    ) -> None:
        self.prompts = {prompt.prompt_id: prompt for prompt in prompts}
        self.responses = responses
        self.judge = judge

    @cached_property
    def totals(self) -> dict[tuple[str, int], Reward]:
        """The total row of each answer."""
        pairs = [(self.prompts[prompt_id], one) for (prompt_id, _), one in self.responses.items()]
        rows = self.judge(pairs)
        return {key: found[-1] for key, found in zip(self.responses, rows, strict=True)}

    def score(self, document: Document, _: Sequence[str]) -> dict[str, float]:
        """Return the accuracy of one answer: only a pass is right.

        Of the response as the engine wrote it: lm-eval's own copy has lost the finish reason.
        """
        total = self.totals[document["prompt_id"], document["sample"]]
        return {ACCURACY: float(total.verdict is Verdict.passed)}

    def items(self, task: str) -> list[Item]:
        """Return one item per answer, in the order of the prompts and samples."""
        return [
            Item(
                task=task,
                item_id=response.prompt_id,
                sample=response.sample,
                verdict=self.totals[key].verdict,
                answer=self.totals[key].answer,
                response=response.text,
                finish=response.finish,
            )
            for key, response in self.responses.items()
        ]


def _samples(chat_model: ChatModel, tasks: Sequence[Any]) -> Mapping[str, list[Mapping[str, Any]]]:
    # The index of lm-eval's own tasks takes seconds to read and none is wanted.
    loaded = TaskManager(include_defaults=False).load(list(tasks))
    # Not `simple_evaluate`, which would seed the whole process and look for a checkout.
    results: Any = evaluate(
        chat_model,
        loaded,
        apply_chat_template=True,
        system_instruction=chat_model.answer_format.system,
        bootstrap_iters=0,
        log_samples=True,
    )
    return results["samples"]


def _values(
    samples: Mapping[str, list[Mapping[str, Any]]], *, stock: str, beside: str
) -> dict[tuple[str, str], dict[tuple[str, int], float]]:
    """Return what each answer scored by task and metric; stock scores stand under our task."""
    values: dict[tuple[str, str], dict[tuple[str, int], float]] = {}
    for task, rows in samples.items():
        for row in rows:
            for metric in row["metrics"]:
                named = (beside, stock_metric(row["filter"], metric))
                place = values.setdefault(named if task == stock else (task, metric), {})
                place[row["doc"]["prompt_id"], row["doc"]["sample"]] = float(row[metric])
    return values
