"""How lm-eval's own tasks score an answer, read from the installed package.

Nothing is downloaded: only the filters and metrics of a task are taken, not its data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advdistill.records import Prompt


@dataclass(frozen=True, slots=True)
class _Stock:
    folder: str
    task: str


_STOCK = {
    "gsm8k": _Stock("gsm8k", "gsm8k"),
    "math": _Stock("hendrycks_math", "hendrycks_math_algebra"),  # all subjects score alike
    "math500": _Stock("hendrycks_math", "hendrycks_math500"),
    "mmlu_pro": _Stock("mmlu_pro", "mmlu_pro_math"),  # as above
}
"""The tasks by data set. Sets that lm-eval asks as log-likelihood tasks alone are not here, nor is
`arc_challenge_chat`: it takes the whole text for the letter, which fits its own prompt only."""
_LONGEST_EXTRACT = 1000
"""In characters. The patterns of gsm8k take time quadratic in what was extracted."""


def stock_scoring(data_set: str, prompts: Sequence[Prompt]) -> dict[str, object] | None:
    """Return the settings by which the stock task of a data set scores; None where it has none."""
    if data_set not in _STOCK:
        return None
    settings = _settings(_STOCK[data_set])
    scoring: dict[str, object] = {"metric_list": settings["metric_list"]}
    if "filter_list" in settings:
        scoring["filter_list"] = [_bounded(one) for one in settings["filter_list"]]
    if "process_results" in settings:
        scoring["process_results"] = _math_results(prompts)
    return scoring


def stock_metric(filter_name: str, metric: str) -> str:
    """Return the name of a stock score: its filter's, or its metric's where it has no filter."""
    return f"stock/{metric if filter_name == 'none' else filter_name}"


def _settings(stock: _Stock) -> dict[str, Any]:
    """Return the task's YAML with what it includes; its functions stay names."""
    import lm_eval.tasks
    from lm_eval.tasks import TaskManager

    folder = Path(lm_eval.tasks.__path__[0]) / stock.folder
    found = TaskManager(include_path=folder, include_defaults=False).task_index[stock.task]
    assert found.cfg is not None
    return found.cfg


def _bounded(filters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the filters with a last one that leaves nothing of an endless extract."""
    bound = {"function": "custom", "filter_fn": _without_endless}
    return {**filters, "filter": [*filters["filter"], bound]}


def _without_endless(extracts: Iterable[str], _: Sequence[object]) -> list[str]:
    return [extract if len(extract) <= _LONGEST_EXTRACT else "" for extract in extracts]


def _math_results(prompts: Sequence[Prompt]) -> Any:
    from lm_eval.tasks.hendrycks_math.utils import process_results

    golds = {prompt.prompt_id: prompt.answer for prompt in prompts}

    def score(document: Mapping[str, Any], results: list[str]) -> dict[str, int]:
        solution = f"\\boxed{{{golds[document['prompt_id']]}}}"
        try:
            return process_results({"solution": solution}, results)
        except (AssertionError, TypeError):  # the stock task cannot read this gold answer
            return {"exact_match": 0}

    return score
