"""What a step's time depends on: its kind, and how many units of work it has.

Steps of one kind, on one hardware, take time in proportion to their units, beside a start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from advdistill.budget import BudgetUnit
from advdistill.cache import Artefact
from advdistill.config import Plan
from advdistill.digests import digest_of_json, settings_of
from advdistill.records import Split
from advdistill.steps import Step

_FREE = frozenset(
    {
        *("seed", "epochs", "max_steps", "learning_rate", "min_learning_rate", "warmup"),
        *("weight_decay", "max_gradient_norm", "collapse_window", "collapse_drop"),
        *("collapse_surge", "budget", "weighting", "samples", "dataset", "needed"),
    }
)
"""Settings that change results, or the number of units, and not how long a unit takes."""


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much there is of what the stages work on."""

    prompts: Mapping[Split, int]
    """Of the run's own data set."""
    held_out: Mapping[str, int]
    """Test prompts of each further data set."""
    answers: int
    """Of the pool: those it has, or the most it can have."""


def sizes_of(plan: Plan, artefacts: Mapping[str, Artefact]) -> Sizes:
    """Return the sizes of a cell that has these artefacts so far; its prompts are among them.

    Before there is a pool, every prompt is answered as often as it may be.
    """
    prompts = artefacts.get("decontaminate", artefacts["load"]).meta["prompts"]
    pool = artefacts["sample"].meta if "sample" in artefacts else {}
    most = prompts[Split.train.value] * max(plan.teacher.samples, 1)
    return Sizes(
        prompts={split: prompts[split.value] for split in Split},
        held_out={
            name.removeprefix("load/"): artefact.meta["prompts"][Split.test.value]
            for name, artefact in artefacts.items()
            if name.startswith("load/")
        },
        answers=pool.get("answers", most),
    )


def kind_of(plan: Plan, step: Step, *, ahead: bool) -> str:
    """Return what steps of equal pace share; `ahead` says that answers are judged while made."""
    about: dict[str, object] = {
        "stage": step.stage,
        "settings": _bound(step.recipe.settings),
        "runtime": settings_of(plan.runtime),
        "model": _model(plan, step),
        "ahead": ahead and step.stage == "judge",
    }
    return digest_of_json(about)


def units_of(plan: Plan, step: Step, sizes: Sizes) -> float:
    """Return the step's units: prompts, answers, answers as often as they are trained on, items."""
    match step.stage:
        case "sample" | "judge" | "weigh" | "tokenise" | "refer":
            return sizes.answers
        case "train":
            return _trained(plan, sizes)
        case "evaluate":
            _, _, task = (step.role or "").partition("/")
            tested = sizes.held_out[task] if task else sizes.prompts[Split.test]
            return tested * plan.evaluation.samples
        case _:
            return sizes.held_out[step.role] if step.role else sum(sizes.prompts.values())


def unit_of(stage: str) -> str:
    """Return what the units of a stage are called."""
    return {"train": "answers trained on", "evaluate": "items"}.get(
        stage, "answers" if stage in _OF_ANSWERS else "prompts"
    )


_OF_ANSWERS = ("sample", "judge", "weigh", "tokenise", "refer")


def _trained(plan: Plan, sizes: Sizes) -> float:
    """Return how many answers are trained on, each as often as it is, if each has a weight."""
    prompts = max(sizes.prompts[Split.train], 1)
    if plan.budget.unit is BudgetUnit.samples:
        return plan.budget.amount * prompts
    student: Any = plan.student
    per_prompt = sizes.answers / prompts
    if student.max_steps is not None:
        return student.max_steps * student.batch_prompts * per_prompt
    return student.epochs * sizes.answers


def _model(plan: Plan, step: Step) -> str | None:
    """Return the model that the step holds; a trained student is as large as its base."""
    if step.stage == "sample" or (step.role or "").startswith("teacher"):
        return plan.teacher.model
    return plan.student.model if step.holds_model else None


def _bound(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _bound(part) for name, part in value.items() if name not in _FREE}
    return value
