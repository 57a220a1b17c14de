"""The page at the end of a run: one table, and where everything lies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from advdistill.budget import BudgetUnit
from advdistill.cache import Artefact
from advdistill.cells import ModelScore, Record, training_of
from advdistill.forgetting import forgotten
from advdistill.pipeline import Outcome

_SHARES = {
    "effective_share": "a share of",
    "negative_share": "negative share",
    "largest_share": "largest weight's share",
    "length_correlation": "correlation with length",
}
_TITLES = {"teacher": "teacher", "base": "base student", "student": "student"}


def show(outcome: Outcome) -> None:
    """Print the summary to standard output."""
    from rich.console import Console
    from rich.table import Table

    record = outcome.record
    console = Console(width=None if Console().is_terminal else 100, highlight=False)
    if record.scores:
        own = record.scores[0].task
        table = Table("model", box=None, header_style="bold", padding=(0, 2))
        for name in ("accuracy", "± s.e.", "items", "truncated", "unparsed"):
            table.add_column(name, justify="right")
        for score in record.scores:
            table.add_row(*_cells(score, own))
        console.print()
        console.print(table)
    for task in dict.fromkeys(score.task for score in record.scores if score.more):
        scores = [score for score in record.scores if score.task == task]
        table = Table(f"{task}, also", box=None, header_style="bold", padding=(0, 2))
        for score in scores:
            table.add_column(_TITLES[score.role], justify="right")
        for name in dict.fromkeys(name for score in scores for name in score.more):
            shown = (f"{s.more[name]:.1%}" if name in s.more else "" for s in scores)
            table.add_row(name, *shown)
        console.print()
        console.print(table)
    for line in (*learning_lines(outcome.artefacts), *lines(record)):
        console.print(line, soft_wrap=True)


def learning_lines(artefacts: Mapping[str, Artefact]) -> Iterator[str]:
    """Yield what the student learnt from, and how sure its gradient is."""
    if "train" not in artefacts:
        return
    health, student = artefacts["weigh"].meta["health"], artefacts["train"]
    training = training_of(student)
    budget: Any = student.recipe.settings["budget"]
    shares = "".join(
        f", {what} {health[name]:.2g}" for name, what in _SHARES.items() if name in health
    )
    yield f"\nWeights   effective sample size {health['effective_samples']:.0f}{shares}"
    yield (
        f"Training  {training['examples_used']} answers, {training['tokens']} response tokens in "
        f"{training['steps']} steps; budget {_spelt(budget)}"
    )
    if "proof_gradient_gap" in training:
        yield (
            f"Proof     gradient within {training['proof_gradient_gap']:.1g}, loss within "
            f"{training['proof_loss_gap']:.1g} of a plain computation, before the first step"
        )
    changes = [
        f"{side} answers {training[f'{side}_logprob_before']:.2f} before and "
        f"{training[f'{side}_logprob_after']:.2f} after"
        for side in ("right", "wrong")
        if f"{side}_logprob_after" in training
    ]
    if changes:
        yield f"Log-prob  per token of the pool's {', '.join(changes)}"
    if forgotten(training):
        yield (
            "Note: the pool's right answers are less likely to the student than before its "
            "training. Answers that it draws can be far worse than greedy ones; look at them with "
            "evaluation.samples=4 evaluation.temperature=1, and try a lower student.learning_rate."
        )


def _spelt(budget: Mapping[str, object]) -> str:
    none = budget["unit"] == BudgetUnit.none
    return "none" if none else f"{budget['amount']:g} {budget['unit']} per prompt"


def lines(record: Record) -> Iterator[str]:
    """Yield the sentences below the table."""
    by_name = {(score.task, score.role): score for score in record.scores}
    for task, against in record.against_base.items():
        student, base = by_name[task, "student"], by_name[task, "base"]
        where = "" if task == record.scores[0].task else f", {task}"
        yield (
            f"\nStudent minus base{where}: {100 * (student.accuracy - base.accuracy):+.1f} points "
            f"on the same {base.items} items "
            f"({against.only_first} only the student gets, {against.only_second} only the base; "
            f"exact McNemar p = {against.p_value:.2g})."
        )
    for score in record.scores:
        if score.truncated > 0.02:
            where = "" if score.task == record.scores[0].task else f" on {score.task}"
            yield (
                f"Note: {score.truncated:.0%} of the answers of the {_TITLES[score.role]}{where} "
                "were cut off; raise evaluation.max_tokens."
            )
    yield f"\nRun       {_short(record.run)}"
    if record.tracked is not None:
        yield f"W&B       {_short(record.tracked)}"
        if Path(record.tracked).is_dir():
            yield f"upload    advdistill sync {_short(record.run)}"


def _cells(score: ModelScore, own: str) -> list[str]:
    return [
        _TITLES[score.role] + ("" if score.task == own else f", {score.task}"),
        f"{score.accuracy:.1%}",
        f"{score.stderr:.1%}",
        str(score.items),
        f"{score.truncated:.1%}",
        f"{score.unparsed:.1%}",
    ]


def _short(path: str) -> str:
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path
