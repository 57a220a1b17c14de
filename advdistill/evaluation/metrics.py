"""Scores of answers, with standard errors over items: the answers to one item are one mean."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from math import comb, sqrt

from advdistill.records import Item, Score, Verdict

Values = Mapping[tuple[str, int], float]
"""What each answer scored, by its prompt id and sample."""


def mean_score(task: str, metric: str, values: Values) -> Score:
    """Return the mean over items of each item's mean; avg@k where every item has k answers."""
    groups: defaultdict[str, list[float]] = defaultdict(list)
    for (prompt_id, _), value in values.items():
        groups[prompt_id].append(value)
    return _score(task, metric, [sum(group) / len(group) for group in groups.values()])


def item_scores(task: str, items: Sequence[Item]) -> Iterator[Score]:
    """Yield pass@k and maj@k where there are several answers, and the share of every verdict."""
    groups: defaultdict[str, list[Item]] = defaultdict(list)
    for item in items:
        groups[item.item_id].append(item)
    samples = min(len(group) for group in groups.values())
    if samples > 1:
        passed = [
            (len(group), sum(item.verdict is Verdict.passed for item in group))
            for group in groups.values()
        ]
        for drawn in _powers_of_two(samples):
            found = [pass_at(drawn, samples=n, right=c) for n, c in passed]
            yield _score(task, f"pass@{drawn}", found)
        for drawn in sorted({*_powers_of_two(samples), samples} - {1}):
            found = [majority_at(drawn, group) for group in groups.values()]
            yield _score(task, f"maj@{drawn}", found)
    for verdict in Verdict:
        shares = {(item.item_id, item.sample): float(item.verdict is verdict) for item in items}
        yield mean_score(task, verdict.value, shares)


def pass_at(drawn: int, *, samples: int, right: int) -> float:
    """Return how probable it is that `drawn` of the samples, taken at random, hold a right one.

    The unbiased estimator 1 - C(n-c, k) / C(n, k) of Chen et al. 2021, arXiv 2107.03374, eq. 1.
    """
    return 1 - comb(samples - right, drawn) / comb(samples, drawn)


def majority_at(drawn: int, items: Sequence[Item]) -> float:
    """Return the share of right answers that the majority of `drawn` of one item's responses has.

    The mean over all C(n, k) ways to take k of the n responses, and so unbiased for k responses as
    `pass_at` is. The majority is the answer that most of the k read as. Responses in which no
    answer was read have no vote; without any vote the item is wrong. Answers that tie share the
    credit, so that the order of the samples does not matter.
    """
    votes = Counter(item.answer for item in items)
    passed = Counter(item.answer for item in items if item.verdict is Verdict.passed)
    silent = votes.pop(None, 0)
    answers = [(count, passed[answer] / count) for answer, count in votes.items()]
    credit = sum(_credit(drawn, most, silent, answers) for most in range(1, drawn + 1))
    return credit / comb(len(items), drawn)


def _credit(drawn: int, most: int, silent: int, answers: Sequence[tuple[int, float]]) -> float:
    """Return the credit of all draws whose winners have `most` votes each, summed.

    By draws of the first few answers: how many there are with so many responses and so many
    winners, and the sum of their winners' shares of right responses.
    """
    draws = {(taken, 0): (comb(silent, taken), 0.0) for taken in range(min(silent, drawn) + 1)}
    for votes, share in answers:
        longer: defaultdict[tuple[int, int], tuple[int, float]] = defaultdict(lambda: (0, 0.0))
        for (taken, winners), (count, right) in draws.items():
            for more in range(min(votes, most, drawn - taken) + 1):
                won, ways = more == most, comb(votes, more)
                place = (taken + more, winners + won)
                counted, summed = longer[place]
                gain = right + share * count * won
                longer[place] = (counted + ways * count, summed + ways * gain)
        draws = longer
    return sum(
        right / winners
        for (taken, winners), (_, right) in draws.items()
        if taken == drawn and winners
    )


def _score(task: str, metric: str, means: Sequence[float]) -> Score:
    count, mean = len(means), sum(means) / len(means)
    squares = sum((one - mean) ** 2 for one in means)
    stderr = sqrt(squares / (count - 1) / count) if count > 1 else None
    return Score(task=task, metric=metric, value=mean, stderr=stderr, items=count)


def _powers_of_two(most: int) -> list[int]:
    return [1 << power for power in range(most.bit_length())]
