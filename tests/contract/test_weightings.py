"""What every weighting must honour, on random ragged pools with unknown rewards."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from advdistill import stages
from advdistill.interfaces import RewardGroups, Weighting
from tests.builders import groups, options
from tests.contract.components import component

P, G = 40, 8


@pytest.fixture(params=options("weighting"))
def weighting(request: pytest.FixtureRequest) -> Weighting:
    return component("weighting", request.param)


def random_pool(seed: int, values: list[float]) -> RewardGroups:
    """Return groups of 1 to G answers, a fifth of them unknown."""
    draw = np.random.default_rng(seed)
    rows = [
        draw.choice([*values, np.nan], size=draw.integers(1, G + 1), p=shares(values))
        for _ in range(P)
    ]
    return groups(*[row.tolist() for row in rows], [float("nan")] * G, [1.0] * G, [0.0] * G)


def shares(values: list[float]) -> list[float]:
    return [0.8 / len(values)] * len(values) + [0.2]


POOLS = [random_pool(0, [0.0, 1.0]), random_pool(1, [-1.0, 0.0, 0.1, 0.3, 1.0])]


def rearranged(pool: RewardGroups, order_PG: NDArray[np.int64]) -> RewardGroups:
    def turn(array_PG: NDArray) -> NDArray:
        return np.take_along_axis(array_PG, order_PG, 1)

    return replace(
        pool,
        samples_PG=turn(pool.samples_PG),
        rewards_PG=turn(pool.rewards_PG),
        present_PG=turn(pool.present_PG),
        passed_PG=turn(pool.passed_PG),
        lengths_PG=turn(pool.lengths_PG),
        answer_ids_PG=turn(pool.answer_ids_PG),
    )


@pytest.mark.parametrize("pool", POOLS, ids=["binary", "graded"])
def test_weights_are_finite_and_zero_where_the_reward_is_unknown(
    weighting: Weighting, pool: RewardGroups
) -> None:
    weights_PG = stages.weigh(weighting, pool)
    assert weights_PG.shape == pool.rewards_PG.shape
    assert weights_PG.dtype == np.float64


@pytest.mark.parametrize("pool", POOLS, ids=["binary", "graded"])
def test_the_same_pool_has_the_same_weights(weighting: Weighting, pool: RewardGroups) -> None:
    before = pool.rewards_PG.copy()
    assert np.array_equal(weighting.weigh(pool), weighting.weigh(pool))
    assert np.array_equal(pool.rewards_PG, before, equal_nan=True)


@pytest.mark.parametrize("pool", POOLS, ids=["binary", "graded"])
def test_turning_the_samples_of_a_prompt_turns_its_weights(
    weighting: Weighting, pool: RewardGroups
) -> None:
    order_PG = np.random.default_rng(2).random(pool.rewards_PG.shape).argsort(1)
    turned_PG = weighting.weigh(rearranged(pool, order_PG))
    wanted_PG = np.take_along_axis(weighting.weigh(pool), order_PG, 1)
    np.testing.assert_allclose(turned_PG, wanted_PG, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("pool", POOLS, ids=["binary", "graded"])
def test_a_prompts_weights_follow_it_to_another_place(
    weighting: Weighting, pool: RewardGroups
) -> None:
    order_P = np.random.default_rng(3).permutation(len(pool.prompt_ids))
    turned = replace(
        pool,
        prompt_ids=tuple(pool.prompt_ids[place] for place in order_P),
        samples_PG=pool.samples_PG[order_P],
        rewards_PG=pool.rewards_PG[order_P],
        present_PG=pool.present_PG[order_P],
        passed_PG=pool.passed_PG[order_P],
        lengths_PG=pool.lengths_PG[order_P],
        answer_ids_PG=pool.answer_ids_PG[order_P],
    )
    np.testing.assert_allclose(weighting.weigh(turned), weighting.weigh(pool)[order_P], rtol=1e-9)


@pytest.mark.parametrize("name", ["uniform", "correct_only", "softmax", "advantage"])
@pytest.mark.parametrize("pool", POOLS, ids=["binary", "graded"])
def test_a_better_answer_never_weighs_less_than_a_worse_one_beside_it(
    name: str, pool: RewardGroups
) -> None:
    weights_PG = component("weighting", name).weigh(pool)
    for rewards, weights, known in zip(pool.rewards_PG, weights_PG, pool.known_PG, strict=True):
        ordered = weights[known][rewards[known].argsort(kind="stable")]
        assert (np.diff(ordered) >= -1e-9).all()
