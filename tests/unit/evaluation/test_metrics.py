from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advdistill.evaluation.metrics import item_scores, majority_at, mean_score, pass_at
from advdistill.records import Item, Score, Verdict
from tests.builders import item


def answered(*answers: str | None, gold: str = "2", item_id: str = "p") -> list[Item]:
    """Return one item's samples as a verifier reads them."""
    verdicts = {gold: Verdict.passed, None: Verdict.unparsed}
    return [
        replace(item(item_id, verdicts.get(answer, Verdict.failed)), sample=sample, answer=answer)
        for sample, answer in enumerate(answers)
    ]


def found(items: list[Item]) -> dict[str, Score]:
    return {score.metric: score for score in item_scores("t", items)}


@pytest.mark.parametrize(("samples", "right"), [(n, c) for n in range(1, 8) for c in range(n + 1)])
def test_pass_at_is_the_share_of_all_draws_that_hold_a_right_answer(
    samples: int, right: int
) -> None:
    answers = [True] * right + [False] * (samples - right)
    for drawn in range(1, samples + 1):
        draws = list(combinations(answers, drawn))
        wanted = sum(any(draw) for draw in draws) / len(draws)
        assert pass_at(drawn, samples=samples, right=right) == pytest.approx(wanted)


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))))
def test_one_draw_passes_as_often_as_the_answers_do(counts: tuple[int, int]) -> None:
    samples, right = counts
    assert pass_at(1, samples=samples, right=right) == pytest.approx(right / samples)


@pytest.mark.parametrize("chance", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("drawn", [1, 2, 3])
def test_the_estimate_does_not_depend_in_expectation_on_how_many_samples_it_is_made_from(
    chance: float, drawn: int
) -> None:
    """Summed over every outcome of independent samples that are right with one probability."""
    for samples in range(drawn, 7):
        expected = sum(
            chance ** sum(one) * (1 - chance) ** (samples - sum(one))
            * pass_at(drawn, samples=samples, right=sum(one))
            for one in product([0, 1], repeat=samples)
        )  # fmt: skip
        assert expected == pytest.approx(1 - (1 - chance) ** drawn)


@pytest.mark.parametrize(
    ("answers", "wanted"),
    [
        (["2", "2", "3"], 1.0),
        (["2", "3", "3"], 0.0),
        (["2", "3"], 0.5),
        (["2", "3", "4", None], 1 / 3),
        (["3", "4"], 0.0),
        ([None, None, None, "2"], 1.0),
        ([None, None], 0.0),
        ([None, "3"], 0.0),
    ],
)
def test_the_majority_is_of_the_answers_that_were_read_and_ties_share(
    answers: list[str | None], wanted: float
) -> None:
    items = answered(*answers)
    assert {majority_at(len(items), order) for order in permutations(items)} == {wanted}


def voted(items: Sequence[Item]) -> float:
    """Return the credit of all these answers by its definition."""
    read = [one for one in items if one.answer is not None]
    votes = Counter(one.answer for one in read)
    tied = [one for one in read if votes[one.answer] == max(votes.values())]
    return sum(one.verdict is Verdict.passed for one in tied) / len(tied) if tied else 0.0


@given(st.lists(st.sampled_from(["2", "3", "4", "5", None]), min_size=1, max_size=8))
def test_a_majority_of_some_is_the_mean_over_all_choices_of_as_many(
    answers: list[str | None],
) -> None:
    items = answered(*answers)
    for drawn in range(1, len(items) + 1):
        choices = list(combinations(items, drawn))
        wanted = sum(map(voted, choices)) / len(choices)
        assert majority_at(drawn, items) == pytest.approx(wanted)


def test_a_majority_of_one_or_two_is_right_as_often_as_an_answer() -> None:
    items = answered(*"2233345")
    assert majority_at(1, items) == pytest.approx(2 / 7)
    assert majority_at(2, items) == pytest.approx(2 / 7)


def test_a_majority_of_many_of_many_is_counted_and_not_tried() -> None:
    items = answered(*["2"] * 30, *["3"] * 20, *map(str, range(10, 60)))
    assert 0.6 < majority_at(32, items) < 1


def test_the_metrics_go_up_in_powers_of_two_as_far_as_every_item_reaches() -> None:
    items = [*answered(*"2345678"), *answered(*"22222", item_id="q")]
    names = [score.metric for score in item_scores("t", items)]
    assert names == [
        *("pass@1", "pass@2", "pass@4", "maj@2", "maj@4", "maj@5"),
        *(one.value for one in Verdict),
    ]


def test_a_single_sample_has_no_metric_of_several() -> None:
    assert found(answered("2")).keys() == {verdict.value for verdict in Verdict}


def test_verdict_shares_are_of_answers_and_sum_to_one() -> None:
    items = [*answered("2", "3", None, None), *answered("2", "2", "2", "3", item_id="q")]
    scores = found(items)
    counts = Counter(one.verdict for one in items)
    for verdict in Verdict:
        assert scores[verdict.value].value == pytest.approx(counts[verdict] / 8)
        assert scores[verdict.value].items == 2


def test_a_standard_error_counts_items_and_not_their_answers() -> None:
    values = {("p", 0): 1.0, ("p", 1): 0.0, ("q", 0): 1.0, ("q", 1): 1.0}
    score = mean_score("t", "m", values)
    assert (score.value, score.items) == (0.75, 2)
    assert score.stderr == pytest.approx(0.25)
    tripled = {
        (item_id, sample + 2 * copy): value
        for copy in range(3)
        for (item_id, sample), value in values.items()
    }
    assert mean_score("t", "m", tripled) == score


def test_one_item_has_no_standard_error() -> None:
    assert mean_score("t", "m", {("p", 0): 1.0}).stderr is None
