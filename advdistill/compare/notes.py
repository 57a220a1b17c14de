"""What a reader must know of all claims of a comparison."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean

from advdistill.compare.arms import SPENT_ALIKE, Arm
from advdistill.compare.claims import Margin, MarginSource
from advdistill.compare.pairing import Matched
from advdistill.compare.runs import FinishedRun
from advdistill.compare.sentences import conditional_sentence
from advdistill.forgetting import forgotten, logprobs_of
from advdistill.statistics.crossed import LEAST_SEEDS


def notes_of(arms: Sequence[Arm], matched: Sequence[Matched], margin: Margin) -> Iterator[str]:
    """Yield the notes: on the margin, the pool, students, missing seeds and unequal training."""
    claimed = [one for one in matched if len(one.seeds) >= LEAST_SEEDS]
    if claimed:
        yield f"Margin for no difference: {margin.points:g} points, {margin.source}."
        if margin.source is MarginSource.comparison:
            yield (
                "A margin that is chosen after the scores were seen shows nothing; declare it "
                "with margin=POINTS when the runs are started."
            )
        yield conditional_sentence(_pools(claimed))
    for arm in arms:
        yield from _same_students(arm)
        yield from _forgetful(arm)
    for one in matched:
        yield from _missing_seeds(one)
        if not one.against_control:
            yield from _unequal_training(one)


def _pools(matched: Sequence[Matched]) -> list[str]:
    digests = [run.digests["sample"] for one in matched for run in one.first.runs.values()]
    return list(dict.fromkeys(digests))


def _missing_seeds(matched: Matched) -> Iterator[str]:
    for arm, other in ((matched.first, matched.second), (matched.second, matched.first)):
        missing = sorted(other.runs.keys() - arm.runs.keys())
        if missing:
            yield (
                f"{arm.label} has no finished run of seed {', '.join(map(str, missing))}, which "
                f"{other.label} has: they are compared on the seeds that both have. A run that "
                "fails because it learns badly makes the others look better than the arm is."
            )


def _same_students(arm: Arm) -> Iterator[str]:
    models = {_model(run) for run in arm.runs.values()}
    if len(models) < len(arm.runs):
        kept = {run.training.get("best_step") for run in arm.runs.values()}
        why = " (the base student was kept: training never helped on dev)" if kept == {0} else ""
        yield (
            f"{len(arm.runs)} seeds of {arm.label} ended in {len(models)} different student"
            f"{'s' if len(models) > 1 else ''}{why}: they count for fewer seeds than they are."
        )


def _forgetful(arm: Arm) -> Iterator[str]:
    trained = [logprobs_of(run.curves, run.training.get("best_step")) for run in arm.runs.values()]
    worse = [one for one in trained if forgotten(one)]
    if worse:
        before, after = (
            fmean(one[f"right_logprob_{when}"] for one in worse) for when in ("before", "after")
        )
        yield (
            f"In {len(worse)} of {len(trained)} trainings of {arm.label} the pool's right answers "
            f"became less likely to the student, from {before:.2f} to {after:.2f} nats per token: "
            "answers that it draws can be far worse than greedy ones; evaluation.samples=4 "
            "evaluation.temperature=1 shows it."
        )


def _unequal_training(matched: Matched) -> Iterator[str]:
    first, second = (
        sum(arm.runs[seed].training["tokens"] for seed in matched.seeds) / len(matched.seeds)
        for arm in (matched.first, matched.second)
    )
    if abs(first - second) > SPENT_ALIKE * max(first, second):
        yield (
            f"{matched.first.label} trained on {first:,.0f} response tokens, "
            f"{matched.second.label} on {second:,.0f}: what is compared is the arm with the amount "
            "of training that comes with it; budget=tokens would hold it equal."
        )


def _model(run: FinishedRun) -> tuple[tuple[str, str], ...]:
    files = run.stages["train"].files
    return tuple(sorted((name, one) for name, one in files.items() if name.startswith("model/")))
