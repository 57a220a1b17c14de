"""What every weighting must honour, on random ragged pools with unknown rewards."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from omegaconf import OmegaConf

from advdistill import stages
from advdistill.build import build
from advdistill.interfaces import Reach, RewardGroups, Weighting
from tests.builders import CONF, composed, groups, options
from tests.cases import each
from tests.contract.components import built

P, G = 40, 8
NAN = float("nan")
WEIGHTINGS = options("weighting")
CONTROLS = ("one_random", "shuffled", "matched_random", "all_wrong")


def weighting_of(name: str) -> Weighting:
    return built("weighting", name)


@pytest.fixture(params=WEIGHTINGS)
def weighting(request: pytest.FixtureRequest) -> Weighting:
    return weighting_of(request.param)


def random_pool(seed: int, values: list[float]) -> RewardGroups:
    """Return groups of 1 to G answers, a fifth of them unknown, some texts equal."""
    draw = np.random.default_rng(seed)
    rows = [
        draw.choice([*values, NAN], size=draw.integers(1, G + 1), p=shares(values))
        for _ in range(P)
    ]
    pool = groups(*[row.tolist() for row in rows], [NAN] * G, [1.0] * G, [0.0] * G, [-1.0] * G)
    texts_PG = draw.integers(0, 3, pool.rewards_PG.shape)
    return replace(pool, text_ids_PG=np.where(pool.present_PG, texts_PG, -1))


def shares(values: list[float]) -> list[float]:
    return [0.8 / len(values)] * len(values) + [0.2]


def blended_pool(seed: int) -> RewardGroups:
    """Return a pool whose total is made of parts, with sample numbers that leave gaps."""
    draw = np.random.default_rng(seed)
    pool = random_pool(seed, [0.0, 1.0])
    shape, unknown_PG = pool.rewards_PG.shape, np.isnan(pool.rewards_PG)
    parts = {
        "correct": pool.rewards_PG,
        "layout": np.where(unknown_PG, NAN, draw.choice([0, 0.25, 1], shape)),
        "length": np.where(unknown_PG, NAN, -draw.random(shape)),
    }
    return replace(
        pool,
        samples_PG=np.where(pool.present_PG, 3 * pool.samples_PG + 1, -1),
        rewards_PG=parts["correct"] + 0.1 * parts["layout"] + 0.1 * parts["length"],
        parts=parts,
    )


MADE = {
    "binary": random_pool(0, [0.0, 1.0]),
    "graded": random_pool(1, [-1.0, 0.0, 0.1, 0.3, 1.0]),
    "blended": blended_pool(2),
    "all wrong": groups(*[[-0.5, 0.0, -1.0, -1.0]] * 3, [-1.0], [-2.0, -2.0]),
    "all unknown": groups([NAN, NAN], [NAN]),
    "alone": groups([1.0], [0.0], [NAN], [-1.0]),
    "huge": groups([1e6, 0.0], [1e6, 1e6 + 1e-9, 1e6 + 2e-9], [-1e6, 1e6], [1e6, 1e6]),
    "tiny": groups([0.0, 1e-12, NAN], [0.3, 0.3 + 1e-12, 0.3], [5e-324, 0.0], [1e-300, 2e-300]),
    "none": groups([1.0], present_PG=np.zeros((1, 1), bool)),
}
every_pool = each("pool", MADE)


def rearranged(pool: RewardGroups, order_PG: NDArray[np.int64]) -> RewardGroups:
    """Return the pool with the samples of each prompt in another order."""
    return _turned(pool, lambda array_PG: np.take_along_axis(array_PG, order_PG, 1))


def reordered(pool: RewardGroups, order_P: NDArray[np.int64]) -> RewardGroups:
    """Return the pool with these prompts in this order."""
    turned = _turned(pool, lambda array_PG: array_PG[order_P])
    return replace(turned, prompt_ids=tuple(pool.prompt_ids[place] for place in order_P))


def _turned(pool: RewardGroups, turn) -> RewardGroups:
    values = {field.name: getattr(pool, field.name) for field in fields(pool)}
    arrays = {name: turn(value) for name, value in values.items() if isinstance(value, np.ndarray)}
    parts = {name: turn(value) for name, value in pool.parts.items()}
    return replace(pool, **arrays, parts=parts)


@every_pool
def test_unknown_and_absent_samples_get_no_weight(weighting: Weighting, pool: RewardGroups) -> None:
    weights_PG = stages.weigh(weighting, pool)
    assert not weights_PG[~pool.known_PG].any()
    assert weights_PG.shape == pool.rewards_PG.shape
    assert weights_PG.dtype == np.float64


@every_pool
def test_weights_are_finite_and_made_without_overflow(
    weighting: Weighting, pool: RewardGroups
) -> None:
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        assert np.isfinite(weighting.weigh(pool)).all()


def test_a_pool_without_prompts_has_no_weights(weighting: Weighting) -> None:
    empty = _turned(MADE["binary"], lambda array_PG: array_PG[:0, :0])
    assert weighting.weigh(replace(empty, prompt_ids=())).shape == (0, 0)


@every_pool
def test_the_same_pool_has_the_same_weights(weighting: Weighting, pool: RewardGroups) -> None:
    before = _turned(pool, np.copy)
    assert np.array_equal(weighting.weigh(pool), weighting.weigh(pool))
    for field in fields(pool):
        one, other = getattr(pool, field.name), getattr(before, field.name)
        np.testing.assert_equal(one, other)


@every_pool
def test_turning_the_samples_of_a_prompt_turns_its_weights(
    weighting: Weighting, pool: RewardGroups
) -> None:
    order_PG = np.random.default_rng(2).random(pool.rewards_PG.shape).argsort(1)
    turned_PG = weighting.weigh(rearranged(pool, order_PG))
    wanted_PG = np.take_along_axis(weighting.weigh(pool), order_PG, 1)
    np.testing.assert_allclose(turned_PG, wanted_PG, rtol=1e-9, atol=1e-12)


@every_pool
def test_a_prompts_weights_follow_it_to_another_place(
    weighting: Weighting, pool: RewardGroups
) -> None:
    order_P = np.random.default_rng(3).permutation(len(pool.prompt_ids))
    turned_PG = weighting.weigh(reordered(pool, order_P))
    wanted_PG = weighting.weigh(pool)[order_P]
    np.testing.assert_allclose(turned_PG, wanted_PG, rtol=1e-9, atol=1e-12)


def reaching(reach: Reach) -> list[str]:
    return [name for name in WEIGHTINGS if weighting_of(name).reach is reach]


@pytest.mark.parametrize("name", reaching(Reach.group))
@each("parts", [1, 2, 7])
@every_pool
def test_within_the_group_any_split_of_the_prompts_weighs_the_same(
    name: str, pool: RewardGroups, parts: int
) -> None:
    weighting = weighting_of(name)
    rows = np.array_split(np.random.default_rng(4).permutation(len(pool.prompt_ids)), parts)
    for rows_P in rows:
        part = reordered(pool, rows_P)
        wanted_PG = weighting.weigh(pool)[rows_P]
        np.testing.assert_array_equal(weighting.weigh(part), wanted_PG)
        found_PG = weighting.weigh(narrowed(part))  # whose sums round in another order
        wanted_PG = wanted_PG[:, : found_PG.shape[1]]
        np.testing.assert_allclose(found_PG, wanted_PG, rtol=1e-9, atol=1e-12)


def narrowed(pool: RewardGroups) -> RewardGroups:
    """Return the pool as wide as its largest group, as a part of a pool is."""
    width = pool.present_PG.sum(1).max(initial=0)
    return _turned(pool, lambda array_PG: array_PG[:, :width])


@pytest.mark.parametrize("name", reaching(Reach.pool))
def test_over_the_pool_other_prompts_have_a_say(name: str) -> None:
    pool = MADE["blended"]
    alone_PG = weighting_of(name).weigh(reordered(pool, np.arange(P // 2)))
    assert (alone_PG != weighting_of(name).weigh(pool)[: P // 2]).any()


def test_the_weightings_that_reach_over_the_pool_are_these() -> None:
    assert reaching(Reach.pool) == ["batch_std", "gdpo", "matched_random"]


def test_a_shuffled_weighting_reaches_as_far_as_the_one_it_shuffles() -> None:
    shuffled = weighting_of("shuffled")
    over_the_pool = replace(shuffled, of=weighting_of("gdpo"))
    assert (shuffled.reach, over_the_pool.reach) == (Reach.group, Reach.pool)


@every_pool
def test_a_weighting_that_is_not_signed_gives_no_negative_weight(
    weighting: Weighting, pool: RewardGroups
) -> None:
    assert weighting.signed or (weighting.weigh(pool) >= 0).all()


@pytest.mark.parametrize("name", [name for name in WEIGHTINGS if weighting_of(name).signed])
def test_a_signed_weighting_gives_negative_weights_to_a_mixed_pool(name: str) -> None:
    assert (weighting_of(name).weigh(MADE["binary"]) < 0).any()


def test_the_signed_weightings_are_these() -> None:
    signed = {name for name in WEIGHTINGS if weighting_of(name).signed}
    by_advantage = {"advantage", "no_std", "batch_std", "rloo", "rank", "shifted", "gdpo"}
    assert signed == by_advantage | {"redi", "negative", "w_reinforce"}


@pytest.mark.parametrize("name", [name for name in WEIGHTINGS if name not in CONTROLS])
@pytest.mark.parametrize("pool", [MADE["binary"], MADE["graded"]], ids=["binary", "graded"])
def test_a_better_answer_never_weighs_less_than_a_worse_one_beside_it(
    name: str, pool: RewardGroups
) -> None:
    weights_PG = weighting_of(name).weigh(pool)
    for rewards, weights, known in zip(pool.rewards_PG, weights_PG, pool.known_PG, strict=True):
        better = rewards[known][:, None] > rewards[known]
        assert (weights[known][:, None] - weights[known])[better].min(initial=0) >= -1e-9


PICKING = ("best_of_n", "one_random", "shuffled", "matched_random")


@pytest.mark.parametrize("name", [name for name in WEIGHTINGS if name not in PICKING])
def test_equal_rewards_of_a_prompt_have_equal_weights(name: str) -> None:
    found = weighting_of(name).weigh(groups([0.3, 1, 0.3, 1, NAN, 0, 0, 1]))[0]
    assert found[0] == found[2]
    assert found[1] == found[3] == found[7]
    assert found[5] == found[6]


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_no_difference_however_small_is_blown_up_beyond_the_group(name: str) -> None:
    """Rewards that lie close together: a z-score is below the root of the pool's size."""
    found_PG = weighting_of(name).weigh(MADE["tiny"])
    assert np.abs(found_PG).max() <= max(20, np.sqrt(MADE["tiny"].known_PG.sum()))
    steep = groups([1e6, 1e6 + 1e-9, 1e6 + 2e-9, 1e6 + 2e-9])
    if name in ("advantage", "gdpo", "batch_std", "rank", "no_std", "rloo"):
        assert weighting_of(name).weigh(steep).sum() == pytest.approx(0, abs=1e-9)


rows = st.lists(st.sampled_from([NAN, 0.0, 1.0, -1.0, 0.1, 0.3, 1e6, 1e-12]), min_size=1)


@pytest.mark.parametrize("name", WEIGHTINGS)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(rewards=st.lists(rows, min_size=1, max_size=5), seed=st.integers(0, 99))
def test_any_pool_is_weighed_honestly(name: str, rewards: list[list[float]], seed: int) -> None:
    pool = groups(*rewards)
    order_PG = np.random.default_rng(seed).random(pool.rewards_PG.shape).argsort(1)
    weights_PG = stages.weigh(weighting_of(name), pool)
    assert weighting_of(name).signed or (weights_PG >= 0).all()
    turned_PG = weighting_of(name).weigh(rearranged(pool, order_PG))
    wanted_PG = np.take_along_axis(weights_PG, order_PG, 1)
    np.testing.assert_allclose(turned_PG, wanted_PG, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", ["shuffled", "matched_random"])
@pytest.mark.parametrize("inner", ["advantage", "one_random"])
def test_a_control_mixes_up_whichever_weighting_is_chosen(name: str, inner: str) -> None:
    cfg = composed(f"weighting={name}", f"weighting@weighting.of={inner}", "seed=7")
    control = build("weighting", cfg.weighting, Weighting)
    of = replace(weighting_of(inner), seed=7) if inner == "one_random" else weighting_of(inner)
    assert control == replace(weighting_of(name), of=of, seed=7)


def test_the_sweep_names_every_weighting() -> None:
    node = OmegaConf.load(CONF / "sweep" / "weightings.yaml")
    assert sorted(node.sweeper.params.weighting.split(",")) == sorted(WEIGHTINGS)
