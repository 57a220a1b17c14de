"""What the tracker is told of a comparison: a run of its own in the group of the runs compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from advdistill.compare.claims import Comparison, Tested, WeightingClaim
from advdistill.digests import digest_of_json
from advdistill.tracking import Cell, Job, Tracking

Row = Mapping[str, object]


def comparison_id(group: str) -> str:
    """Return the id of the run that holds the group's comparison: another one replaces it."""
    return _key(group)[:16]


def tell_comparison(
    comparison: Comparison, tracking: Tracking, *, group: str, outputs: Path
) -> str | None:
    """Track the comparison; return the run's folder or address, None where nothing is tracked."""
    tracker = tracking.open(
        Cell(
            key=_key(group),
            name=comparison.title,
            group=group,
            levels={},
            config=_config(comparison),
            folder=outputs,
            job=Job.compare,
        )
    )
    for name, rows in comparison_tables(comparison).items():
        if rows:
            tracker.table(name, list(rows[0]), [list(row.values()) for row in rows])
    for task, bars in _mean_scores(comparison).items():
        tracker.bars(f"mean_accuracy/{task}", f"Accuracy on {task}, mean of the seeds", bars)
    for task, bars in _estimates(comparison).items():
        tracker.bars(f"difference/{task}", f"Difference on {task}, in points", bars)
    tracker.summary(comparison_summary(comparison))
    return tracker.finish(complete=True)


def comparison_tables(comparison: Comparison) -> dict[str, list[Row]]:
    """Return the tables by name, each row a value for every column of its table."""
    return {
        "scores": [
            {
                "arm": cell.arm,
                "seed": cell.seed,
                "control": cell.control,
                "role": cell.role,
                "task": cell.task,
                "metric": cell.metric,
                "points": cell.value,
                "stderr": cell.stderr,
                "items": cell.items,
            }
            for cell in comparison.cells
        ],
        "weightings": [_weighting_row(claim) for claim in comparison.weightings],
        "checkpoints": [
            {
                "task": claim.task,
                "metric": claim.metric,
                "first": claim.first,
                "second": claim.second,
                "seed": claim.seed,
                "difference": claim.estimate,
                "low": claim.interval.low,
                "high": claim.interval.high,
                "p": claim.p_value,
                "method": claim.method.value,
                "items": claim.items,
                "only_first": claim.only_first,
                "only_second": claim.only_second,
            }
            for claim in comparison.checkpoints
        ],
        "effects": [
            {
                "task": claim.task,
                "metric": claim.metric,
                "term": claim.term,
                "F": claim.f_value,
                "p": claim.p_value,
                "p_holm": claim.p_holm,
                "partial_eta_squared": claim.partial_eta_squared,
            }
            for claim in comparison.effects
        ],
        "refusals": [
            {
                "first": refusal.first,
                "second": refusal.second,
                "kind": refusal.kind,
                "reason": refusal.reason,
            }
            for refusal in comparison.refusals
        ],
        "looks": [
            {"task": looks.task, "items_digest": looks.items_digest, "looks": looks.looks}
            for looks in comparison.looks
        ],
        "sentences": [{"sentence": sentence} for sentence in comparison.sentences],
        "notes": [{"note": note} for note in comparison.notes],
    }


def comparison_summary(comparison: Comparison) -> dict[str, float | int | str]:
    """Return the difference of each pair of arms with its interval, and how many claims hold."""
    numbers: dict[str, float | int | str] = {
        "comparison/claims": len(comparison.weightings),
        "comparison/refusals": len(comparison.refusals),
        "comparison/margin_points": comparison.margin.points,
    }
    for claim in comparison.weightings:
        name = f"difference/{claim.task}/{claim.metric}/{_pair(claim)}"
        numbers[name] = claim.estimate
        if claim.like_items is not None:
            numbers |= {f"{name}/{part}": one for part, one in _tested(claim.like_items).items()}
    return numbers


def _weighting_row(claim: WeightingClaim) -> Row:
    tested = claim.like_items
    return {
        "task": claim.task,
        "metric": claim.metric,
        "factor": claim.factor,
        "first": claim.first,
        "second": claim.second,
        "context": ", ".join(f"{factor}={option}" for factor, option in claim.context.items()),
        "against_control": claim.against_control,
        "seeds": len(claim.seeds),
        "difference": claim.estimate,
        **(_tested(tested) if tested else dict.fromkeys(_TESTED)),
        "p_sign_flip": claim.p_sign_flip,
        "items": claim.items,
        "sentence": claim.sentence,
    }


_TESTED = ("low", "high", "p", "p_holm", "p_tost_holm", "finding")


def _tested(tested: Tested) -> dict[str, float | int | str]:
    values = (
        tested.interval.low,
        tested.interval.high,
        tested.p_value,
        tested.p_holm,
        tested.p_tost_holm,
        tested.finding.value,
    )
    return dict(zip(_TESTED, values, strict=True))


def _mean_scores(comparison: Comparison) -> dict[str, list[tuple[str, float]]]:
    """Return, by task, each arm's mean accuracy over its seeds, in points."""
    students = [
        cell for cell in comparison.cells if cell.role == "student" and cell.metric == "accuracy"
    ]
    return {
        task: [(arm, _mean(c.value for c in students if (c.task, c.arm) == (task, arm)))
               for arm in _once(c.arm for c in students if c.task == task)]
        for task in _once(cell.task for cell in students)
    }  # fmt: skip


def _estimates(comparison: Comparison) -> dict[str, list[tuple[str, float]]]:
    claims = [claim for claim in comparison.weightings if claim.metric == "accuracy"]
    return {
        task: [(_pair(claim), claim.estimate) for claim in claims if claim.task == task]
        for task in _once(claim.task for claim in claims)
    }


def _pair(claim: WeightingClaim) -> str:
    context = ", ".join(f"{factor}={option}" for factor, option in claim.context.items())
    return f"{claim.first} - {claim.second}" + (f" ({context})" if context else "")


def _config(comparison: Comparison) -> dict[str, object]:
    return {
        "factor": comparison.factor,
        "baseline": comparison.baseline,
        "level": comparison.level,
        "margin": {
            "points": comparison.margin.points,
            "source": comparison.margin.source.value,
        },
        "seeds": list(_once(str(cell.seed) for cell in comparison.cells if cell.role == "student")),
    }


def _once(values: Iterable[str]) -> Iterator[str]:
    yield from dict.fromkeys(values)


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)


def _key(group: str) -> str:
    return digest_of_json(["compare", group])
