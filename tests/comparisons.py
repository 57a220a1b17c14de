"""Comparisons built by hand, for whatever shows one."""

from collections.abc import Mapping, Sequence
from statistics import mean

from advdistill.compare.claims import (
    CellScore,
    CheckpointClaim,
    Comparison,
    EffectSize,
    Finding,
    Interval,
    Looks,
    Margin,
    MarginSource,
    Method,
    Refusal,
    Tested,
    WeightingClaim,
)
from advdistill.compare.runs import FinishedRun

CONTROLS = ("shuffled", "matched_random")


def comparison_of(
    runs: Sequence[FinishedRun], *, title: str = "by hand", arms: Mapping[str, str] | None = None
) -> Comparison:
    """Return a comparison whose scores are the runs' and whose tests are made up.

    `arms` gives a weighting's arm another label.
    """
    every = [cell for run in runs for cell in _cells(run, arms or {})]
    cells = tuple(
        cell for cell in every if cell.role == "student" or cell.run == str(runs[0].folder)
    )
    names = list(dict.fromkeys(cell.arm for cell in cells if cell.role == "student"))
    baseline = names[0]
    return Comparison(
        title=title,
        factor="weighting",
        baseline=baseline,
        margin=Margin(points=1.0, source=MarginSource.run),
        level=0.05,
        cells=cells,
        checkpoints=tuple(_checkpoint(run, arms or {}) for run in runs),
        weightings=tuple(_weighting(cells, name, baseline) for name in names[1:]),
        effects=(),
        refusals=(
            Refusal(
                first="one run",
                second="another",
                reason="answers to 2 problems are missing; wanted all; give the command again",
                kind="missing",
                listed=("p/test/1", "p/test/2"),
            ),
        ),
        notes=("Claims hold for this one pool of answers.",),
        sentences=tuple(f"{name} beats {baseline} by 2.1 points [0.9, 3.3]." for name in names[1:]),
        looks=(
            Looks(task="quickstart", items_digest="f" * 64, looks=2, checkpoints=9, margins=(1.0,)),
        ),
    )


def _cells(run: FinishedRun, arms: Mapping[str, str]) -> list[CellScore]:
    weighting = run.choices["weighting"].partition("(")[0]
    return [
        CellScore(
            run=str(run.folder),
            arm=(
                arms.get(weighting, weighting) if score.role == "student" else f"{score.role} model"
            ),
            levels={"weighting": weighting} if score.role == "student" else {},
            seed=run.seed if score.role == "student" else None,
            control=score.role == "student" and weighting.startswith(CONTROLS),
            role=score.role,
            task=score.task,
            metric="accuracy",
            value=100 * score.accuracy,
            stderr=100 * score.stderr,
            items=score.items,
        )
        for score in run.scores
    ]


def _checkpoint(run: FinishedRun, arms: Mapping[str, str]) -> CheckpointClaim:
    by_role = {score.role: score for score in run.scores}
    estimate = 100 * (by_role["student"].accuracy - by_role["base"].accuracy)
    weighting = run.choices["weighting"].partition("(")[0]
    return CheckpointClaim(
        task=run.tasks[0],
        metric="accuracy",
        first=arms.get(weighting, weighting),
        second="base model",
        seed=run.seed,
        estimate=estimate,
        interval=Interval(low=estimate - 3, high=estimate + 3, level=0.95),
        p_value=0.2,
        method=Method.mcnemar,
        effect=EffectSize(points=estimate, cohen_h=0.1, d_z=None),
        items=by_role["student"].items,
        only_first=2,
        only_second=1,
    )


def _weighting(cells: Sequence[CellScore], first: str, second: str) -> WeightingClaim:
    by_arm = {
        arm: {cell.seed: cell.value for cell in cells if (cell.arm, cell.role) == (arm, "student")}
        for arm in (first, second)
    }
    seeds = tuple(sorted(by_arm[first].keys() & by_arm[second].keys()))
    differences = tuple(by_arm[first][seed] - by_arm[second][seed] for seed in seeds)
    estimate = mean(differences)
    tested = Tested(
        standard_error=1.0,
        interval=Interval(low=estimate - 2.5, high=estimate + 2.5, level=0.95),
        p_value=0.0004,
        p_holm=0.04,
        p_tost=0.5,
        p_tost_holm=1.0,
        finding=Finding.open,
        method=Method.crossed_t,
    )
    return WeightingClaim(
        task=cells[0].task,
        metric="accuracy",
        factor="weighting",
        first=first,
        second=second,
        against_control=False,
        context={},
        seeds=seeds,
        differences=differences,
        items=cells[0].items,
        estimate=estimate,
        these_items=tested,
        like_items=tested,
        p_sign_flip=None,
        effect=EffectSize(points=estimate, cohen_h=0.1, d_z=None),
        sentence="made up",
    )
