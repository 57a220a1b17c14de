import numpy as np
import pytest

from advdistill.statistics.factorial import effects


def table(scores_ABS: np.ndarray) -> tuple[list[float], dict[str, list[str]], list[int]]:
    """Return scores of factors A and B under seeds S as rows."""
    a, b, s = np.indices(scores_ABS.shape)
    levels = {
        "weighting": [f"w{n}" for n in a.ravel()],
        "it's a `factor`": [str(n) for n in b.ravel()],
    }
    return scores_ABS.ravel().tolist(), levels, s.ravel().tolist()


def test_a_crossed_design_gives_the_squares_worked_by_hand() -> None:
    rng = np.random.default_rng(0)
    scores_ABS = rng.normal(size=(3, 2, 4)) + 5 * rng.normal(size=4) + np.arange(3)[:, None, None]
    found = {effect.factors: effect for effect in effects(*table(scores_ABS))}
    grand = scores_ABS.mean()
    of_a = 8 * np.square(scores_ABS.mean((1, 2)) - grand).sum()
    of_b = 12 * np.square(scores_ABS.mean((0, 2)) - grand).sum()
    of_cells = 4 * np.square(scores_ABS.mean(2) - grand).sum()
    of_seeds = 6 * np.square(scores_ABS.mean((0, 1)) - grand).sum()
    left = np.square(scores_ABS - grand).sum() - of_cells - of_seeds
    main = found[("weighting",)]
    assert main.degrees == (2, 15)
    assert main.f_value == pytest.approx((of_a / 2) / (left / 15))
    both = found["weighting", "it's a `factor`"]
    assert both.f_value == pytest.approx(((of_cells - of_a - of_b) / 2) / (left / 15))
    assert main.partial_eta_squared == pytest.approx(of_a / (of_a + left))


def test_what_seeds_have_in_common_is_taken_out() -> None:
    rng = np.random.default_rng(1)
    scores_ABS = rng.normal(size=(2, 2, 5))
    shifted = scores_ABS + 100 * rng.normal(size=5)
    for one, other in zip(effects(*table(scores_ABS)), effects(*table(shifted)), strict=True):
        assert one.f_value == pytest.approx(other.f_value)


def test_an_interaction_that_was_not_run_in_full_is_left_out() -> None:
    scores, levels, seeds = table(np.random.default_rng(2).normal(size=(2, 2, 4)))
    kept = [
        n for n in range(16) if (levels["weighting"][n], list(levels.values())[1][n]) != ("w1", "1")
    ]
    partial = {name: [row[n] for n in kept] for name, row in levels.items()}
    found = effects([scores[n] for n in kept], partial, [seeds[n] for n in kept])
    assert [len(effect.factors) for effect in found] == [1, 1]


def test_factors_that_move_together_are_not_told_apart() -> None:
    levels = {"one": ["a", "a", "b", "b"], "other": ["x", "x", "y", "y"]}
    assert effects([1.0, 2.0, 4.0, 4.5], levels, [0, 1, 0, 1]) == []


def test_nothing_is_said_where_nothing_is_left_to_judge_by() -> None:
    assert effects(*table(np.zeros((2, 2, 3)))) == []
    assert effects(*table(np.random.default_rng(0).normal(size=(2, 2, 1)))) == []
