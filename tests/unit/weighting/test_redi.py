from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from advdistill.errors import ConfigError
from advdistill.weighting.redi import REDI
from tests.builders import binary, groups

NAN = float("nan")


@pytest.mark.parametrize("right", [1, 4, 7])
def test_unbalanced_weights_are_one_and_minus_alpha(right: int) -> None:
    found = REDI(alpha=0.8, balanced=False).weigh(binary(right))[0]
    assert found == pytest.approx([1] * right + [-0.8] * (8 - right))


@pytest.mark.parametrize("right", [1, 3, 4, 7])
def test_balanced_weights_are_the_expectation_over_pairs(right: int) -> None:
    """The mean over every pair of the loss of a pair, times half the group."""
    wanted = np.zeros(8)
    pairs = list(product(range(right), range(right, 8)))
    for one, other in pairs:
        wanted[one] += 4 / len(pairs)
        wanted[other] -= 0.8 * 4 / len(pairs)
    assert REDI(alpha=0.8, balanced=True).weigh(binary(right))[0] == pytest.approx(wanted)


def test_a_prompt_without_a_pair_weighs_nothing_when_balanced() -> None:
    pool = groups([1, 1, NAN], [0, 0, 0], [1, 0, NAN], [NAN])
    balanced_PG = REDI(alpha=0.5, balanced=True).weigh(pool)
    assert balanced_PG.tolist() == [[0, 0, 0], [0, 0, 0], [1, -0.5, 0], [0, 0, 0]]
    plain_PG = REDI(alpha=0.5, balanced=False).weigh(pool)
    assert plain_PG.tolist() == [[1, 1, 0], [-0.5] * 3, [1, -0.5, 0], [0, 0, 0]]


def test_right_is_what_the_verifier_passed() -> None:
    pool = replace(groups([0.9, 1.5]), passed_PG=np.array([[True, False]]))
    assert REDI(alpha=1.0, balanced=True).weigh(pool).tolist() == [[1, -1]]


@pytest.mark.parametrize(("alpha", "signed"), [(0.0, False), (0.1, True)])
def test_without_alpha_no_weight_is_negative(alpha: float, signed: bool) -> None:
    assert REDI(alpha=alpha, balanced=True).signed is signed


@pytest.mark.parametrize("alpha", [-0.1, NAN, float("inf")])
def test_the_range_is_checked(alpha: float) -> None:
    with pytest.raises(ConfigError, match="wanted a finite number, 0 or more"):
        REDI(alpha=alpha, balanced=True)
