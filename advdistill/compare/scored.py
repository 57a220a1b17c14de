"""The item scores of every run that is compared; a run whose answers are gone is left out aloud."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from advdistill.cells import ModelScore
from advdistill.compare.arms import Arm, Member
from advdistill.compare.claims import CellScore, Refusal
from advdistill.compare.item_scores import ACCURACY, ItemScores, item_scores_of
from advdistill.compare.runs import FinishedRun
from advdistill.errors import DataError

STUDENT, BASE = "student", "base"
_POINTS = 100


@dataclass(frozen=True, kw_only=True)
class Scored:
    """What every item scored under one metric, by run, task and role."""

    metric: str
    scores: Mapping[tuple[str, str, str], ItemScores]
    """By evaluated artefact's digest and run folder's task and role."""

    def of(self, run: FinishedRun, task: str, role: str = STUDENT) -> ItemScores:
        """Return what every item of a run scored."""
        return self.scores[str(run.folder), task, role]

    def has(self, run: FinishedRun, task: str, role: str) -> bool:
        """Return whether a role was scored on a task."""
        return (str(run.folder), task, role) in self.scores


def scored(
    members: Sequence[Member], tasks: Sequence[str], metric: str
) -> tuple[Scored, list[Member], list[Refusal]]:
    """Return the scores, the members that have them, and why others are left out.

    Raises:
        ConfigError: the items do not have as many answers as the metric needs.
    """
    scores: dict[tuple[str, str, str], ItemScores] = {}
    whole, refusals = [], []
    for member in members:
        try:
            scores |= _of_run(member.run, tasks, metric)
        except DataError as error:
            name = f"{', '.join(member.levels.values()) or member.run.name}, seed {member.run.seed}"
            refusals.append(Refusal(first=name, second="", kind="torn", reason=str(error)))
        else:
            whole.append(member)
    return Scored(metric=metric, scores=scores), whole, refusals


def cell_scores(arms: Sequence[Arm], tasks: Sequence[str], scores: Scored) -> list[CellScore]:
    """Return the rows of the table: students by arm and seed, teacher and base once each.

    Of a metric that the evaluation does not record, such as pass@3, the teacher has none.
    """
    rows: dict[tuple[str, str, str, str], CellScore] = {}
    for arm in arms:
        for seed, run in arm.runs.items():
            for score in run.scores:
                value = _value(run, score, scores)
                if score.task not in tasks or value is None:
                    continue
                own = score.role == STUDENT
                digest = run.evaluation(score.task, score.role).digest
                key = (arm.label, str(seed), score.task, STUDENT) if own else (
                    digest, "", score.task, score.role
                )  # fmt: skip
                rows.setdefault(
                    key,
                    CellScore(
                        run=str(run.folder),
                        arm=arm.label if own else f"{score.role} model",
                        levels=arm.levels if own else {},
                        seed=seed if own else None,
                        control=arm.control and own,
                        role=score.role,
                        task=score.task,
                        metric=scores.metric,
                        value=_POINTS * value,
                        stderr=_POINTS * score.stderr if scores.metric == ACCURACY else None,
                        items=score.items,
                    ),
                )
    return list(rows.values())


def _value(run: FinishedRun, score: ModelScore, scores: Scored) -> float | None:
    recorded = score.accuracy if scores.metric == ACCURACY else score.more.get(scores.metric)
    if recorded is None and scores.has(run, score.task, score.role):
        return fmean(scores.of(run, score.task, score.role).values())
    return recorded


def _of_run(
    run: FinishedRun, tasks: Sequence[str], metric: str
) -> dict[tuple[str, str, str], ItemScores]:
    return {
        (str(run.folder), task, role): item_scores_of(run, task, role, metric)
        for task in tasks
        if task in run.tasks
        for role in (STUDENT, BASE)
        if role in run.roles(task)
    }
