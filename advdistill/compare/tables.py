"""The tables of a comparison as plain text, for a screen, Markdown and LaTeX alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import mean, stdev

from advdistill.compare.claims import CellScore, Comparison, Interval, WeightingClaim


@dataclass(frozen=True, kw_only=True)
class Table:
    """A title, the columns' heads, and rows of text."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables_of(comparison: Comparison, *, checkpoints: bool) -> Iterator[Table]:
    """Yield the tables that have rows: scores, arms, controls, effects, checkpoints, looks."""
    against = [one for one in comparison.weightings if not one.against_control]
    controls = [one for one in comparison.weightings if one.against_control]
    found = [
        _scores(comparison),
        _arms("Arms against the baseline (the unit is the seed)", against),
        _arms("Arms against null cells", controls),
        _effects(comparison),
        *([_checkpoints(comparison)] if checkpoints else []),
        _looks(comparison),
    ]
    yield from (table for table in found if table.rows)


def _scores(comparison: Comparison) -> Table:
    arms: dict[tuple[str, str, bool], list[CellScore]] = {}
    for cell in comparison.cells:
        arms.setdefault((cell.task, cell.arm, cell.control), []).append(cell)
    metric = comparison.cells[0].metric if comparison.cells else "score"
    return Table(
        title=f"{metric} in points",
        columns=("task", "arm", "seeds", "mean", "s.d. over seeds", "least", "most", "items"),
        rows=tuple(
            (
                task,
                f"{arm} (null cell)" if control else arm,
                "" if cells[0].seed is None else str(len(cells)),
                f"{mean(cell.value for cell in cells):.1f}",
                f"{stdev(cell.value for cell in cells):.2f}" if len(cells) > 1 else "",
                f"{min(cell.value for cell in cells):.1f}",
                f"{max(cell.value for cell in cells):.1f}",
                str(cells[0].items),
            )
            for (task, arm, control), cells in arms.items()
        ),
    )


def _arms(title: str, claims: list[WeightingClaim]) -> Table:
    return Table(
        title=title,
        columns=(
            "task", "first", "second", "seeds", "points", "on items like these", "p", "Holm p",
            "TOST p", "finding", "on these items", "sign flip p", "d_z", "h",
        ),
        rows=tuple(_arm_row(claim) for claim in claims),
    )  # fmt: skip


def _arm_row(claim: WeightingClaim) -> tuple[str, ...]:
    wide, narrow = claim.like_items, claim.these_items
    context = "".join(f", {name}={level}" for name, level in claim.context.items())
    tested = (
        (
            interval(wide.interval), chance(wide.p_value), chance(wide.p_holm),
            chance(wide.p_tost_holm), wide.finding.value,
        )
        if wide is not None
        else ("not known", "", "", "", "open")
    )  # fmt: skip
    return (
        f"{claim.task}{context}",
        claim.first,
        claim.second,
        str(len(claim.seeds)),
        f"{claim.estimate:+.2f}",
        *tested,
        interval(narrow.interval) if narrow is not None else "not known",
        "" if claim.p_sign_flip is None else chance(claim.p_sign_flip),
        "" if claim.effect.d_z is None else f"{claim.effect.d_z:.2f}",
        f"{claim.effect.cohen_h:.3f}",
    )


def _effects(comparison: Comparison) -> Table:
    return Table(
        title="Main effects and interactions on the cells' scores, seed as block",
        columns=("task", "term", "F", "degrees", "p", "Holm p", "partial eta²", "means"),
        rows=tuple(
            (
                one.task,
                one.term,
                f"{one.f_value:.2f}",
                f"{one.degrees[0]:.0f}, {one.degrees[1]:.0f}",
                chance(one.p_value),
                chance(one.p_holm),
                f"{one.partial_eta_squared:.2f}",
                "; ".join(f"{level} {value:.1f}" for level, value in one.means.items()),
            )
            for one in comparison.effects
        ),
    )


def _checkpoints(comparison: Comparison) -> Table:
    return Table(
        title="Pairs of checkpoints (they say nothing of arms)",
        columns=(
            "task", "first", "second", "seed", "points", "interval", "only first", "only second",
            "test", "p",
        ),
        rows=tuple(
            (
                one.task,
                one.first,
                one.second,
                str(one.seed),
                f"{one.estimate:+.1f}",
                interval(one.interval),
                "" if one.only_first is None else str(one.only_first),
                "" if one.only_second is None else str(one.only_second),
                one.method.value,
                chance(one.p_value),
            )
            for one in comparison.checkpoints
        ),
    )  # fmt: skip


def _looks(comparison: Comparison) -> Table:
    return Table(
        title="Looks at the test items",
        columns=("task", "items", "looks", "checkpoints", "margins"),
        rows=tuple(
            (
                one.task,
                one.items_digest[:12],
                str(one.looks),
                str(one.checkpoints),
                ", ".join(f"{margin:g}" for margin in one.margins),
            )
            for one in comparison.looks
        ),
    )


def interval(found: Interval) -> str:
    """Return the two ends."""
    return f"[{found.low:.2f}, {found.high:.2f}]"


def chance(p_value: float) -> str:
    """Return a p-value to two figures."""
    return "< 0.0001" if p_value < 1e-4 else f"{p_value:.2g}"
