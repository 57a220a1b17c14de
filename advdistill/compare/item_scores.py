"""What every item of a run scored, from answers that are still those of the record."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from advdistill.compare.runs import FinishedRun
from advdistill.errors import ConfigError, DataError
from advdistill.evaluation.metrics import majority_at, pass_at
from advdistill.records import Item, Verdict

ACCURACY = "accuracy"
ItemScores = Mapping[str, float]
"""By item id, from 0 to 1."""


def item_scores_of(run: FinishedRun, task: str, role: str, metric: str) -> ItemScores:
    """Return each item's score by accuracy, pass@k or maj@k.

    Accuracy is the share of an item's answers that are right. pass@k and maj@k are unbiased as
    the evaluation makes them: `evaluation.metrics`.

    Raises:
        ConfigError: the items do not have as many answers as the metric needs.
        DataError: the file is gone or changed, or its mean is not the recorded score.
    """
    groups: defaultdict[str, list[Item]] = defaultdict(list)
    for item in run.items(task, role):
        groups[item.item_id].append(item)
    scores = {item_id: _score(run, items, metric) for item_id, items in groups.items()}
    _check_recorded(run, task, role, metric, sum(scores.values()) / len(scores))
    return scores


def answers_per_item(run: FinishedRun) -> int:
    """Return how many answers each item has."""
    return int(run.config["evaluation"]["samples"])


def _score(run: FinishedRun, items: list[Item], metric: str) -> float:
    right = sum(item.verdict is Verdict.passed for item in items)
    if metric == ACCURACY:
        return right / len(items)
    kind, _, drawn = metric.partition("@")
    if not drawn.isdecimal() or not 1 <= int(drawn) <= len(items) or kind not in ("pass", "maj"):
        raise ConfigError(
            f"metric '{metric}': {run.folder} has {len(items)} answers per item; wanted accuracy, "
            f"or pass@K or maj@K with K up to {len(items)}; evaluate with evaluation.samples=K for "
            "more"
        )
    if kind == "pass":
        return pass_at(int(drawn), samples=len(items), right=right)
    return majority_at(int(drawn), items)


def _check_recorded(run: FinishedRun, task: str, role: str, metric: str, mean: float) -> None:
    score = next(one for one in run.scores if (one.task, one.role) == (task, role))
    recorded = score.accuracy if metric == ACCURACY else score.more.get(metric, mean)
    if abs(recorded - mean) > 1e-9:
        raise DataError(
            f"{run.folder}: its record says {metric} {recorded:.4f} of the {role} on {task}, its "
            f"answers give {mean:.4f}; wanted them equal; give the run's command again to write a "
            "new record"
        )
