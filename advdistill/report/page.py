"""The report: everything that is shown, in the order in which it is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from advdistill.compare.claims import Comparison, EffectClaim, Refusal
from advdistill.compare.runs import FinishedRun
from advdistill.errors import DataError
from advdistill.report import claims
from advdistill.report.answers import Answers, answers
from advdistill.report.arms import Arm, arms_of
from advdistill.report.behaviour import Change, change_table, changes
from advdistill.report.costs import score_against_cost
from advdistill.report.curves import DEV, LOSS, learning_curves
from advdistill.report.figures import Figure
from advdistill.report.lengths import lengths
from advdistill.report.methods import digest_table, methods, run_table
from advdistill.report.scores import scores
from advdistill.report.tables import Table, chance
from advdistill.report.weights import right_counts, weight_histograms


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading of the page and the figures below it."""

    name: str
    title: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True, kw_only=True)
class Page:
    """What the templates are given."""

    title: str
    facts: tuple[tuple[str, str], ...]
    """Name and value, at the head."""
    comparison: Comparison
    refusals: tuple[Refusal, ...]
    verdict: tuple[Figure, ...]
    """The claims as plots."""
    effects: Table | None
    sections: tuple[Section, ...]
    changes: tuple[Change, ...]
    change_table: Table
    answers: Answers
    task: str
    """The data set that the behaviour, the lengths and the answers are of."""
    methods: str
    records: tuple[Table, ...]
    """Runs and digests."""

    @property
    def tables(self) -> tuple[Table, ...]:
        """Every table of the page."""
        figures = (*self.verdict, *(one for section in self.sections for one in section.figures))
        effects = (self.effects,) if self.effects else ()
        return (*(one.table for one in figures), *effects, self.change_table, *self.records)


def page_of(comparison: Comparison, runs: Sequence[FinishedRun]) -> Page:
    """Return the page of a comparison and the finished runs that it compares.

    Raises:
        DataError: the comparison holds the score of none of the runs, or what a run made is gone.
    """
    arms = arms_of(comparison, runs)
    if not arms:
        why = "".join(f"; {one.first}: {one.reason}" for one in comparison.refusals[:1])
        raise DataError(
            f"the report has nothing to show: the comparison '{comparison.title}' holds the scores "
            f"of none of the {len(runs)} runs{why}; wanted finished runs whose student was "
            "evaluated, and whose answers are whole"
        )
    first = arms[0].runs[0]
    task = first.tasks[0]
    found = changes(task, arms)
    return Page(
        title=comparison.title,
        facts=tuple(_facts(arms, first)),
        comparison=comparison,
        refusals=comparison.refusals,
        verdict=_verdict(comparison),
        effects=_effects(comparison.effects),
        sections=tuple(_sections(comparison, arms, task)),
        changes=tuple(found),
        change_table=change_table(found),
        answers=answers(task, arms),
        task=task,
        methods=methods(comparison, arms),
        records=(run_table(arms), digest_table(arms)),
    )


def _facts(arms: Sequence[Arm], first: FinishedRun) -> Iterator[tuple[str, str]]:
    seeds = sorted({run.seed for arm in arms for run in arm.runs})
    yield "runs", str(sum(len(arm.runs) for arm in arms))
    yield "arms", str(len(arms))
    yield "seeds", str(len(seeds))
    yield "test problems", f"{first.scores[0].items:,}"
    yield "pool", first.stages["sample"].digest[:12]


def _verdict(comparison: Comparison) -> tuple[Figure, ...]:
    """Return the arms' differences; the checkpoints' where that is all there is."""
    arms = _given(claims.weightings(comparison))
    return arms or _given(claims.checkpoints(comparison))


def _sections(comparison: Comparison, arms: Sequence[Arm], task: str) -> Iterator[Section]:
    tasks = dict.fromkeys(cell.task for cell in comparison.cells)
    yield Section(
        name="scores",
        title="Scores",
        figures=tuple(
            scores(f"scores-{place}", one, comparison, arms) for place, one in enumerate(tasks)
        ),
    )
    checkpoints = _given(claims.checkpoints(comparison))
    if comparison.weightings and checkpoints:
        yield Section(name="single", title="Single checkpoints", figures=checkpoints)
    curves = _given(learning_curves(DEV, arms), learning_curves(LOSS, arms))
    if curves:
        yield Section(name="learning", title="Learning", figures=curves)
    cost = _given(score_against_cost(task, comparison, arms))
    if cost:
        yield Section(name="costs", title="Cost", figures=cost)
    yield Section(
        name="pool", title="Pool and weights", figures=(right_counts(arms), weight_histograms(arms))
    )
    yield Section(name="length", title="Length and truncation", figures=(lengths(task, arms),))


def _given(*figures: Figure | None) -> tuple[Figure, ...]:
    return tuple(figure for figure in figures if figure is not None)


def _effects(found: Sequence[EffectClaim]) -> Table | None:
    if not found:
        return None
    return Table(
        name="effects-table",
        caption="Main effects and interactions: a linear model on the runs' scores, seed as block",
        columns=("task", "term", "F", "degrees", "p", "adjusted p", "partial η²"),
        rows=[
            (
                one.task,
                one.term,
                f"{one.f_value:.2f}",
                f"{one.degrees[0]:g}, {one.degrees[1]:g}",
                chance(one.p_value),
                chance(one.p_holm),
                f"{one.partial_eta_squared:.2f}",
            )
            for one in found
        ],
        words=2,
    )
