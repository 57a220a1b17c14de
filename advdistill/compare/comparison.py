"""From finished runs to what may be said of them, without files but those of the runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from advdistill.compare.arms import Arm, Member, arms_of, question
from advdistill.compare.checkpoints import Checkpoints, checkpoint_claim
from advdistill.compare.claims import (
    CheckpointClaim,
    Comparison,
    Finding,
    Margin,
    MarginSource,
    Refusal,
    WeightingClaim,
)
from advdistill.compare.factors import effect_claims
from advdistill.compare.item_scores import ACCURACY
from advdistill.compare.notes import notes_of
from advdistill.compare.pairing import Matched, Pairing, arm_pairs, pair_arms, whole_arms
from advdistill.compare.scored import BASE, Scored, cell_scores, scored
from advdistill.compare.sentences import (
    checkpoint_sentence,
    control_sentence,
    no_control_sentence,
    sign_flip_sentence,
    weighting_sentence,
)
from advdistill.compare.weightings import ArmPair, weighting_claims
from advdistill.errors import ConfigError
from advdistill.statistics.crossed import LEAST_SEEDS

DEFAULT_MARGIN = 1.0
"""In points."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked of the runs."""

    against: str | None = None
    """The baseline: LEVEL, or FACTOR=LEVEL; None for uniform, else the first."""
    metric: str = ACCURACY
    task: str | None = None
    """One data set; None for all that were evaluated."""
    margin: float | None = None
    """In points; None for what the runs declare."""
    level: float = 0.05
    """The error that the family of claims is allowed."""


def compare(
    members: Sequence[Member], asked: Question, *, title: str, refusals: Sequence[Refusal] = ()
) -> Comparison:
    """Return what the runs allow to be said; `refusals` are of runs that could not be read.

    Nothing is written: looks are counted by whoever asks (`looking`).

    Raises:
        ConfigError: the question does not fit the runs.
    """
    read = _read(members, asked)
    arms, scores, pairing = read.arms, read.scores, read.pairing
    margin = _margin(read.members, asked.margin)
    claims = weighting_claims(
        arm_pairs(pairing.matched, scores), margin_points=margin.points, level=asked.level
    )
    claims = _worded(claims, arms, margin, asked.level)
    checkpoints = tuple(_checkpoints(arms, read.tasks, pairing.matched, scores, asked.level))
    return Comparison(
        title=title,
        factor=read.factor,
        baseline=read.baseline,
        margin=margin,
        level=asked.level,
        cells=tuple(cell_scores(arms, read.tasks, scores)),
        checkpoints=checkpoints,
        weightings=tuple(claims),
        effects=tuple(effect_claims(arms, read.tasks, scores)),
        refusals=(*refusals, *pairing.refusals),
        notes=tuple(notes_of(arms, pairing.matched, margin)),
        sentences=tuple(_sentences(claims, checkpoints, pairing.matched)),
        looks=(),
    )


def matched_pairs(members: Sequence[Member], asked: Question) -> list[ArmPair]:
    """Return the scores of all arms that may be compared, for planning.

    Raises:
        ConfigError: the question does not fit the runs.
    """
    read = _read(members, asked)
    return arm_pairs(read.pairing.matched, read.scores)


@dataclass(frozen=True, kw_only=True)
class _Read:
    """What the runs hold for a question."""

    members: Sequence[Member]
    tasks: Sequence[str]
    arms: Sequence[Arm]
    scores: Scored
    factor: str | None
    baseline: str | None
    pairing: Pairing


def _read(members: Sequence[Member], asked: Question) -> _Read:
    tasks = _tasks(members, asked.task)
    scores, whole, torn = scored(members, tasks, asked.metric)
    found, twice = arms_of(whole)
    arms, unlike = whole_arms(found, tasks, scores)
    factor, baseline = question(arms, asked.against)
    pairing = Pairing()
    pairing.refuse([*torn, *twice, *unlike])
    if factor is not None and baseline is not None:
        pair_arms(pairing, arms, tasks, (factor, baseline), scores)
    return _Read(
        members=whole,
        tasks=tasks,
        arms=arms,
        scores=scores,
        factor=factor,
        baseline=baseline,
        pairing=pairing,
    )


def _tasks(members: Sequence[Member], task: str | None) -> list[str]:
    known = list(dict.fromkeys(one for member in members for one in member.run.tasks))
    if task is None:
        return known
    if task not in known:
        raise ConfigError(
            f"--task {task}: none of the runs was scored on it; wanted one of "
            f"{', '.join(known) or 'their data sets, and there are none'}"
        )
    return [task]


def _margin(members: Sequence[Member], given: float | None) -> Margin:
    """Return the margin and where it was declared: a declared one that is not equal in all is none.

    Raises:
        ConfigError: the runs declare different margins and none is given.
    """
    declared = {member.run.config.get("margin") for member in members}
    if given is not None:
        before = declared == {given}
        return Margin(points=given, source=MarginSource.run if before else MarginSource.comparison)
    if declared <= {None}:
        return Margin(points=DEFAULT_MARGIN, source=MarginSource.default)
    if len(declared) > 1:
        spelt = ", ".join(sorted("none" if one is None else f"{one:g}" for one in declared))
        raise ConfigError(
            f"the runs declare different margins ({spelt} points); wanted one, declared before "
            "they ran; give --margin POINTS, which is then named as given afterwards"
        )
    return Margin(points=float(str(declared.pop())), source=MarginSource.run)


def _checkpoints(
    arms: Sequence[Arm],
    tasks: Sequence[str],
    matched: Sequence[Matched],
    scores: Scored,
    level: float,
) -> Iterator[CheckpointClaim]:
    """Yield the claims about pairs of checkpoints: of matched arms, and student and base."""
    for one in matched:
        for seed in one.seeds:
            names, runs = (one.first.label, one.second.label), (one.first.runs, one.second.runs)
            yield checkpoint_claim(
                Checkpoints(
                    task=one.task,
                    metric=scores.metric,
                    first=names[0],
                    second=names[1],
                    seed=seed,
                    first_scores=scores.of(runs[0][seed], one.task),
                    second_scores=scores.of(runs[1][seed], one.task),
                ),
                level=1 - level,
            )
    for arm in arms:
        for seed, run in arm.runs.items():
            for task in tasks:
                if not scores.has(run, task, BASE):
                    continue
                student, base = scores.of(run, task), scores.of(run, task, BASE)
                if student.keys() == base.keys():
                    yield checkpoint_claim(
                        Checkpoints(
                            task=task,
                            metric=scores.metric,
                            first=arm.label,
                            second="base model",
                            seed=seed,
                            first_scores=student,
                            second_scores=base,
                        ),
                        level=1 - level,
                    )


def _worded(
    claims: Sequence[WeightingClaim], arms: Sequence[Arm], margin: Margin, level: float
) -> list[WeightingClaim]:
    by_label = {(arm.label, arm.control): arm for arm in arms}
    return [
        replace(
            claim,
            sentence=control_sentence(
                claim,
                by_label[claim.second, True].called,
                mixed=by_label[claim.second, True].mixed is not None,
            )
            if claim.against_control
            else weighting_sentence(claim, margin, level=level),
        )
        for claim in claims
    ]


def _sentences(
    claims: Sequence[WeightingClaim],
    checkpoints: Sequence[CheckpointClaim],
    matched: Sequence[Matched],
) -> Iterator[str]:
    """Yield a line for each arm, what null cells say of it beside it, then what few seeds allow."""
    for claim in claims:
        if claim.against_control:
            continue
        beats = claim.like_items is not None and claim.like_items.finding is Finding.better
        controls = [
            one.sentence
            for one in claims
            if one.against_control
            and (one.first, one.task, one.context) == (claim.first, claim.task, claim.context)
        ]
        said = [claim.sentence, sign_flip_sentence(claim)]
        if beats and claim.factor == "weighting":
            said += controls or [no_control_sentence(claim.first)]
        yield " ".join(one for one in said if one)
    few = {
        (one.first.label, one.second.label, one.task)
        for one in matched
        if len(one.seeds) < LEAST_SEEDS and not one.against_control
    }
    for claim in checkpoints:
        if not matched or (claim.first, claim.second, claim.task) in few:
            yield checkpoint_sentence(claim)
