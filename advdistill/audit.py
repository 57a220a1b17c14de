"""What the verdicts of a finished pool look like: pure functions from rows to a report.

The second verifier's verdicts are rows like the first's; nothing is judged, read or written here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from advdistill.audit_disagreement import Disagreement, Judged, disagreement_of, parts
from advdistill.records import TOTAL, Prompt, Response, Reward, Verdict, Weight
from advdistill.seeds import sample_seed

Key = tuple[str, int]
"""An answer: its prompt's id and its number."""


_EXAMPLES = 2
"""Of each verdict."""
_CASES = 5
"""Answers on which the verifiers part."""


@dataclass(frozen=True, kw_only=True)
class Pool:
    """What a run keeps of its answers."""

    prompts: Mapping[str, Prompt]
    responses: Sequence[Response]
    rewards: Sequence[Reward]
    """Of every rule and the total."""
    weights: Sequence[Weight]


@dataclass(frozen=True, kw_only=True)
class Tier:
    """The answers that one reading found."""

    name: str | None
    """None where no answer was found."""
    answers: int
    passed: int


@dataclass(frozen=True, kw_only=True)
class Contradiction:
    """A problem most of whose read answers agree on one value that does not pass."""

    prompt: Prompt
    answer: str
    votes: int
    """Answers that give it."""
    read: int
    """Answers that give any."""
    passed: int


@dataclass(frozen=True, kw_only=True)
class Groups:
    """How many answers of each prompt pass."""

    sizes: Mapping[tuple[int, int], int]
    """Prompts by (answers that pass, answers)."""
    mixed: int
    """Prompts whose known rewards differ: only these tell a good answer from a bad one."""

    @property
    def prompts(self) -> int:
        """How many prompts have answers."""
        return sum(self.sizes.values())


@dataclass(frozen=True, kw_only=True)
class Report:
    """The verdicts of a pool from every side."""

    answers: int
    verdicts: Mapping[str, Mapping[Verdict, int]]
    """By rule, the total last."""
    tiers: Sequence[Tier]
    groups: Groups
    contradictions: Sequence[Contradiction]
    examples: Mapping[Verdict, Sequence[Judged]]
    disagreement: Disagreement
    """On the sample."""
    parted: Sequence[Judged]
    """Answers that only one verifier passes, of all that both judged."""


def audit(pool: Pool, second: Sequence[Reward], *, sample: int, seed: int) -> Report:
    """Return the report; `second` holds the other verifier's rows, of the sample at least."""
    totals = totals_of(pool.rewards)
    others = totals_of(second)
    judged = [
        Judged(
            prompt=pool.prompts[response.prompt_id],
            response=response,
            total=totals[response.prompt_id, response.sample],
            second=others.get((response.prompt_id, response.sample)),
        )
        for response in drawn(pool.responses, None, seed=seed)
    ]
    compared = [one for one in judged if one.second is not None]
    return Report(
        answers=len(judged),
        verdicts=verdicts_of(pool.rewards),
        tiers=tiers_of(totals.values()),
        groups=groups_of_passes(totals.values()),
        contradictions=contradictions_of(pool.prompts, totals.values()),
        examples={
            verdict: [one for one in judged if one.total.verdict is verdict][:_EXAMPLES]
            for verdict in Verdict
        },
        disagreement=disagreement_of(compared[:sample]),
        parted=[one for one in compared if parts(one)][:_CASES],
    )


def drawn(responses: Iterable[Response], size: int | None, *, seed: int) -> list[Response]:
    """Return `size` answers, those whose hash of (seed, prompt, sample) is lowest; None for all.

    Neither their order nor the other answers play a part.
    """
    order = sorted(responses, key=lambda one: sample_seed(seed, one.prompt_id, one.sample))
    return order[:size]


def totals_of(rewards: Iterable[Reward]) -> dict[Key, Reward]:
    """Return the total row of each answer."""
    return {(row.prompt_id, row.sample): row for row in rewards if row.rule == TOTAL}


def verdicts_of(rewards: Iterable[Reward]) -> dict[str, Counter[Verdict]]:
    """Return how many answers got each verdict, by rule, the total last."""
    counts: dict[str, Counter[Verdict]] = defaultdict(Counter)
    for row in rewards:
        counts[row.rule][row.verdict] += 1
    return {rule: counts[rule] for rule in sorted(counts, key=lambda rule: rule == TOTAL)}


def tiers_of(totals: Iterable[Reward]) -> list[Tier]:
    """Return which readings found the answers, the most frequent first."""
    answers: Counter[str | None] = Counter()
    passed: Counter[str | None] = Counter()
    for row in totals:
        answers[row.tier] += 1
        passed[row.tier] += row.verdict is Verdict.passed
    return [
        Tier(name=name, answers=count, passed=passed[name]) for name, count in answers.most_common()
    ]


def groups_of_passes(totals: Iterable[Reward]) -> Groups:
    """Return how many answers of each prompt pass, and how many prompts have unequal rewards."""
    groups = _by_prompt(totals).values()
    sizes = Counter(
        (sum(row.verdict is Verdict.passed for row in rows), len(rows)) for rows in groups
    )
    known = ({row.value for row in rows if row.value is not None} for rows in groups)
    return Groups(sizes=sizes, mixed=sum(len(values) > 1 for values in known))


def contradictions_of(
    prompts: Mapping[str, Prompt], totals: Iterable[Reward]
) -> list[Contradiction]:
    """Return the prompts whose gold answer may be wrong, the most agreed upon first.

    More than half of the read answers, and at least two, give one value that never passes.
    """
    found: list[Contradiction] = []
    for prompt_id, rows in _by_prompt(totals).items():
        read = Counter(row.answer for row in rows if row.answer is not None)
        if not read:
            continue
        [(answer, votes)] = read.most_common(1)
        verdicts = {row.verdict for row in rows if row.answer == answer}
        rejected = Verdict.failed in verdicts and Verdict.passed not in verdicts
        if rejected and votes >= 2 and 2 * votes > read.total():
            found.append(
                Contradiction(
                    prompt=prompts[prompt_id],
                    answer=answer,
                    votes=votes,
                    read=read.total(),
                    passed=sum(row.verdict is Verdict.passed for row in rows),
                )
            )
    return sorted(found, key=lambda one: (-one.votes, one.read, one.prompt.prompt_id))


def _by_prompt(totals: Iterable[Reward]) -> dict[str, list[Reward]]:
    groups: dict[str, list[Reward]] = defaultdict(list)
    for row in totals:
        groups[row.prompt_id].append(row)
    return groups
