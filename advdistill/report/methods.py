"""The methods paragraph: what was done, with which seeds, from which bytes, on what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from advdistill.compare.claims import Comparison
from advdistill.compare.runs import FinishedRun
from advdistill.report.arms import Arm
from advdistill.report.readable import label
from advdistill.report.spent import hardware_of, software_of
from advdistill.report.tables import MISSING, Table, number

_SHORT = 12
"""Characters of a digest in the text; the table of digests holds them whole."""
_SHARED = (
    "load",
    "decontaminate",
    "sample",
    "judge",
    "tokenise",
    "evaluate/base",
    "evaluate/teacher",
)


def methods(comparison: Comparison, arms: Sequence[Arm]) -> str:
    """Return the paragraph."""
    runs = [run for arm in arms for run in arm.runs]
    return " ".join(
        sentence
        for part in (_pool(runs), _training(arms, runs), _evaluation(runs), _statistics(comparison))
        for sentence in part
    )


def run_table(arms: Sequence[Arm]) -> Table:
    """Return a row per run with the digests of what is its own."""
    return Table(
        name="runs-table",
        caption="Runs: the key of the cell, and the digests of its weights, its student and scores",
        columns=("arm", "seed", "cell", "weights", "student", "scores", "folder"),
        rows=[
            (
                arm.label,
                str(run.seed),
                run.key[:_SHORT],
                *(
                    _digest(run, name)[:_SHORT] or MISSING
                    for name in ("weigh", "train", "evaluate/student")
                ),
                "/".join(run.folder.parts[-2:]),
            )
            for arm in arms
            for run in arm.runs
        ],
        words=7,
    )


def digest_table(arms: Sequence[Arm]) -> Table:
    """Return the whole digest of everything that runs share."""
    runs = [run for arm in arms for run in arm.runs]
    found = {
        (stage, run.stages[stage].digest): run.stages[stage].line
        for stage in _SHARED
        for run in runs
        if stage in run.stages
    }
    return Table(
        name="digests-table",
        caption="What the runs share: sha256 of the content of each stage",
        columns=("stage", "sha256", "what it holds"),
        rows=[(stage, digest, line) for (stage, digest), line in found.items()],
        words=3,
    )


def _pool(runs: Sequence[FinishedRun]) -> Iterator[str]:
    sampled = _each(runs, lambda run: run.stages["sample"].line)
    yield (
        f"The training problems are those of {_choice(runs, 'dataset')} ({_hash(runs, 'load')}). "
        f"The teacher, {_choice(runs, 'teacher')} ({_setting(runs, 'teacher', 'model')}, "
        f"temperature {_setting(runs, 'teacher', 'temperature')}, seed "
        f"{_setting(runs, 'teacher', 'seed')}), gave {sampled}; pool {_hash(runs, 'sample')}."
    )
    yield (
        f"The verifier {_choice(runs, 'verifier')} judged them: "
        f"{_each(runs, lambda run: run.stages['judge'].line)} ({_hash(runs, 'judge')})."
    )


def _training(arms: Sequence[Arm], runs: Sequence[FinishedRun]) -> Iterator[str]:
    seeds = sorted({run.seed for run in runs})
    named = _listed(label(arm.label, 80) for arm in arms)
    yield (
        f"The student, {_choice(runs, 'student')} ({_setting(runs, 'student', 'model')}), was "
        f"trained {len(runs)} times: {named}; seeds {_listed(map(str, seeds))}; objective "
        f"{_choice(runs, 'objective')}, budget {_choice(runs, 'budget')}."
    )
    yield (
        f"A training took {_each(runs, lambda run: number(run.training['steps']))} steps of "
        f"{_setting(runs, 'student', 'batch_prompts')} prompts at a peak learning rate of "
        f"{_setting(runs, 'student', 'learning_rate')}; its checkpoint was chosen on the dev "
        "problems, never on the test problems."
    )
    uneven = [arm for arm in arms if [run.seed for run in arm.runs] != seeds]
    if uneven:
        yield f"Not every arm has every seed: {_listed(_seeds_of(arm) for arm in uneven)}."


def _evaluation(runs: Sequence[FinishedRun]) -> Iterator[str]:
    sizes = {score.task: score.items for run in runs for score in run.scores}
    tasks = _listed(f"{label(task)} ({items:,} problems)" for task, items in sizes.items())
    yield (
        f"lm-eval measured each student, the base student and the teacher on {tasks} with the "
        f"backend {_setting(runs, 'evaluation', 'backend')} (answers to each problem: "
        f"{_setting(runs, 'evaluation', 'samples')}, temperature "
        f"{_setting(runs, 'evaluation', 'temperature')}); the verifier of the pool judged the "
        "answers. An answer that was cut off, or of which it is not known whether it is right, "
        "stays in the denominator and is not right."
    )
    hardware = _each(runs, lambda run: hardware_of(run) or "not recorded")
    software = _each(runs, lambda run: software_of(run) or "not recorded")
    yield f"Hardware of the trainings: {hardware}. Software: {software}."


def _statistics(comparison: Comparison) -> Iterator[str]:
    margin = comparison.margin
    yield (
        f"Claims are made at a family-wise level of {comparison.level:g}; a difference of up to "
        f"{margin.points:g} point{'s' * (margin.points != 1)} counts as none ({margin.source})."
    )
    methods = dict.fromkeys(
        tested.method.value
        for claim in comparison.weightings
        for tested in (claim.like_items, claim.these_items)
        if tested is not None
    )
    if methods:
        yield f"Arms are compared by {_listed(methods)}, p values adjusted by Holm."
    checkpoints = dict.fromkeys(claim.method.value for claim in comparison.checkpoints)
    if checkpoints:
        yield f"Single checkpoints are compared by {_listed(checkpoints)}."


def _seeds_of(arm: Arm) -> str:
    return f"{label(arm.label)} has {_listed(str(run.seed) for run in arm.runs)}"


def _choice(runs: Sequence[FinishedRun], group: str) -> str:
    return _each(runs, lambda run: run.choices[group])


def _setting(runs: Sequence[FinishedRun], group: str, name: str) -> str:
    def found(run: FinishedRun) -> str:
        node: Mapping[str, Any] = run.config[group]
        return str(node.get(name, "none"))

    return _each(runs, found)


def _hash(runs: Sequence[FinishedRun], stage: str) -> str:
    return _each(runs, lambda run: _digest(run, stage)[:_SHORT])


def _digest(run: FinishedRun, stage: str) -> str:
    return run.stages[stage].digest if stage in run.stages else ""


def _each(runs: Sequence[FinishedRun], said: Any) -> str:
    """Return what is said of the runs, each different thing once."""
    return _listed(dict.fromkeys(label(said(run), 200) for run in runs), joint="or")


def _listed(words: Iterable[str], joint: str = "and") -> str:
    *others, last = list(words) or ["none"]
    return f"{', '.join(others)} {joint} {last}" if others else last
