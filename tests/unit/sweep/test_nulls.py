import pytest

from advdistill.errors import ConfigError
from advdistill.sweep.grid import Axis, points_of
from advdistill.sweep.nulls import nulls_of, with_controls


def axis(key: str, *values: str, swept: bool = True) -> Axis:
    return Axis(key=key, values=values, swept=swept)


SEEDS = axis("seed", "0", "1")


def test_a_grid_has_every_combination_and_the_seed_is_no_factor() -> None:
    points = points_of([SEEDS, axis("+experiment", "x", swept=False), axis("weighting", "a", "b")])
    assert [point.overrides for point in points] == [
        [f"seed={seed}", "+experiment=x", f"weighting={name}"] for seed in "01" for name in "ab"
    ]
    assert [dict(point.levels) for point in points[:2]] == [{"weighting": "a"}, {"weighting": "b"}]


def test_each_seed_has_three_null_cells_of_the_first_weighting_that_is_no_control() -> None:
    axes = [SEEDS, axis("weighting", "uniform", "shuffled", "softmax", "rank")]
    nulls = nulls_of(axes, points_of(axes), None)
    assert [(null.settings["seed"], null.levels["weighting"]) for null in nulls] == [
        (seed, name)
        for seed in "01"
        for name in (
            "shuffled of softmax",
            "matched_random of softmax",
            "uniform at equal tokens as softmax",
        )
    ]
    assert all(null.control for null in nulls)
    assert nulls[0].overrides == [
        "seed=0", "weighting=shuffled", "weighting@weighting.of=softmax"
    ]  # fmt: skip


def test_fields_of_the_weighting_move_into_the_cell_that_mixes_its_weights() -> None:
    axes = [axis("weighting", "softmax"), axis("weighting.temperature", "2", swept=False)]
    mixed, _, uniform = nulls_of(axes, points_of(axes), None)
    assert "weighting.of.temperature=2" in mixed.overrides
    assert uniform.overrides == ["weighting=uniform"]


def test_the_weightings_that_nulls_are_of_can_be_named() -> None:
    axes = [axis("weighting", "softmax", "rank", "awr")]
    nulls = nulls_of(axes, points_of(axes), ["rank", "awr"])
    assert len(nulls) == 2 * 3
    with pytest.raises(ConfigError, match=r"null_of names 'rloo'.*softmax, rank, awr"):
        nulls_of(axes, points_of(axes), ["rloo"])


@pytest.mark.parametrize(
    "axes",
    [
        [SEEDS, axis("student.learning_rate", "1", "2")],
        [SEEDS, axis("weighting", "softmax", swept=False)],
        [SEEDS, axis("weighting", "uniform", "shuffled")],
    ],
)
def test_a_sweep_over_no_weighting_of_its_own_has_none(axes: list[Axis]) -> None:
    assert nulls_of(axes, points_of(axes), None) == []


def test_a_control_that_the_person_sweeps_is_marked_as_one() -> None:
    points = points_of([axis("weighting", "shuffled", "softmax")])
    assert [point.control for point in with_controls(points)] == [True, False]
