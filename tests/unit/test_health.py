from dataclasses import replace
from functools import reduce
from itertools import pairwise
from operator import add

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import pearsonr, spearmanr

from advdistill.health import Tally, health_of
from advdistill.interfaces import RewardGroups
from tests.builders import groups

NAN = float("nan")
REWARDS = groups([1, 0, NAN], [1, 1], [NAN, NAN], [0, 0.5], [0, 0])
WEIGHTS_PG = np.array([[3.0, -1.0, 0], [0, 0, 0], [0, 0, 0], [-2.0, 2.0, 0], [0, 0, 0]])


def test_counts_and_shares_are_those_worked_by_hand() -> None:
    health = health_of(REWARDS, WEIGHTS_PG)
    assert (health.positive, health.negative, health.zero) == (2, 2, 7)
    assert health.effective_samples == pytest.approx(8**2 / (9 + 1 + 4 + 4))
    assert health.effective_share == pytest.approx(8**2 / (9 + 1 + 4 + 4) / 4)
    assert health.largest_share == 3 / 8
    assert health.negative_share == 3 / 8


def test_groups_are_mixed_all_right_all_wrong_or_unjudged() -> None:
    health = health_of(REWARDS, WEIGHTS_PG)
    shares = (health.mixed_groups, health.all_right_groups, health.all_wrong_groups)
    assert shares == (2 / 5, 1 / 5, 1 / 5)
    assert health.unweighted_groups == 3 / 5


def test_a_single_answer_is_all_right_or_all_wrong() -> None:
    health = health_of(groups([1], [0], [1], [1]), np.ones((4, 1)))
    assert (health.all_right_groups, health.all_wrong_groups) == (3 / 4, 1 / 4)


@pytest.mark.parametrize(
    ("rewards", "rights"),
    [
        ([[1, 0, 1], [0, 0, 0], [1, 0, 1]], {3: [1, 0, 2, 0]}),
        ([[1, 0, NAN], [1, 1], [NAN, NAN], [0, 0.5]], {0: [1], 2: [1, 1, 1]}),
        ([[1], [0, 1, 1]], {1: [0, 1], 3: [0, 0, 1, 0]}),
    ],
    ids=["even", "unknown", "ragged"],
)
def test_groups_are_counted_by_their_right_answers_of_those_judged(
    rewards: list[list[float]], rights: dict[int, list[int]]
) -> None:
    pool = groups(*rewards)
    found = Tally.of(pool, np.zeros(pool.rewards_PG.shape)).rights_by_judged()
    assert found == rights
    assert sum(map(sum, found.values())) == len(rewards)


def test_the_counts_sum_to_the_answers_there_are() -> None:
    health = health_of(REWARDS, WEIGHTS_PG)
    assert health.positive + health.negative + health.zero == REWARDS.present_PG.sum() == 11
    assert health.line(11).startswith("11 weights = 2 positive + 2 negative + 7 zero; 40% of the")
    assert "\n" not in health.line(11)


@pytest.mark.parametrize("size", [0.3, 1e-200, 1e200])
def test_equal_weights_have_as_many_effective_samples_as_answers(size: float) -> None:
    health = health_of(groups([1, 0, 1]), np.full((1, 3), size))
    assert (health.effective_samples, health.effective_share) == pytest.approx((3, 1))


def with_lengths(lengths_PG: NDArray[np.int64]) -> RewardGroups:
    rewards_PG = np.random.default_rng(0).integers(0, 2, lengths_PG.shape).astype(float)
    rewards_PG[:, 0] = NAN
    return replace(groups(*rewards_PG.tolist()), lengths_PG=lengths_PG)


def test_weights_and_lengths_correlate_among_the_judged_answers() -> None:
    draw = np.random.default_rng(1)
    lengths_PG = draw.integers(1, 9, (12, 4))
    weights_PG = np.round(draw.normal(size=(12, 4)) - 0.2 * lengths_PG)
    weights_PG[:, 0] = 0.0
    health = health_of(with_lengths(lengths_PG), weights_PG)
    judged = weights_PG[:, 1:].ravel(), lengths_PG[:, 1:].ravel()
    assert health.length_correlation == pytest.approx(pearsonr(*judged).statistic)
    assert health.length_rank_correlation == pytest.approx(spearmanr(*judged).statistic)
    assert health.length_correlation is not None
    assert health.length_correlation < -0.2


@pytest.mark.parametrize("constant", ["weights", "lengths", "answers"])
def test_what_does_not_vary_correlates_with_nothing(constant: str) -> None:
    lengths_PG = np.ones((3, 4), dtype=np.int64) if constant == "lengths" else np.eye(3, 4)
    weights_PG = np.ones((3, 4)) if constant == "weights" else np.eye(3, 4, 1)
    rewards = with_lengths(lengths_PG.astype(np.int64))
    if constant == "answers":
        rewards = replace(rewards, rewards_PG=np.full((3, 4), NAN))
    health = health_of(rewards, weights_PG)
    assert health.length_correlation is health.length_rank_correlation is None
    assert "length_correlation" not in health.numbers()


def test_a_pool_without_any_weight_has_no_shares() -> None:
    numbers = health_of(REWARDS, np.zeros((5, 3))).numbers()
    assert numbers == {
        "positive": 0.0,
        "negative": 0.0,
        "zero": 11.0,
        "effective_samples": 0.0,
        "mixed_groups": 0.4,
        "all_right_groups": 0.2,
        "all_wrong_groups": 0.2,
        "unweighted_groups": 1.0,
    }


def part(pool: RewardGroups, rows: slice) -> RewardGroups:
    names = ("samples_PG", "rewards_PG", "present_PG", "passed_PG", "lengths_PG")
    arrays = {name: getattr(pool, name)[rows] for name in names}
    return replace(pool, prompt_ids=pool.prompt_ids[rows], **arrays)


@pytest.mark.parametrize("cuts", [[0, 3], [0, 1, 7, 12], [0, 0, 12, 12]])
@pytest.mark.parametrize("size", [1.0, 1e-200, 1e150])
def test_the_tallies_of_parts_add_up_to_that_of_the_whole(cuts: list[int], size: float) -> None:
    draw = np.random.default_rng(2)
    pool = with_lengths(draw.integers(1, 99, (12, 4)))
    weights_PG = np.round(draw.normal(size=(12, 4)), 1) * size * pool.known_PG
    weights_PG[:5] *= 1e-3
    spans = [slice(*span) for span in pairwise([*cuts, 12])]
    tallies = [Tally.of(part(pool, rows), weights_PG[rows]) for rows in spans]
    summed, whole = reduce(add, tallies), Tally.of(pool, weights_PG)
    assert summed.health.numbers() == pytest.approx(whole.health.numbers(), rel=1e-12)
    assert summed.rights_by_judged() == whole.rights_by_judged()
