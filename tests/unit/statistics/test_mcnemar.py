from dataclasses import replace
from math import comb

import pytest
from scipy.stats import binom

from advdistill.errors import DataError
from advdistill.records import Item, Verdict
from advdistill.statistics.mcnemar import exact_mcnemar
from tests.builders import item


def items(*verdicts: Verdict) -> list[Item]:
    return [item(f"p/{number}", verdict) for number, verdict in enumerate(verdicts)]


def pairs(both: int, first: int, second: int, neither: int) -> tuple[list[Item], list[Item]]:
    """Return two models' items with these counts of who is right."""
    right, wrong = Verdict.passed, Verdict.failed
    one = [right] * (both + first) + [wrong] * (second + neither)
    other = [right] * both + [wrong] * first + [right] * second + [wrong] * neither
    return items(*one), items(*other)


@pytest.mark.parametrize(
    ("first", "second", "p_value"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),
        (3, 3, 1.0),
        (5, 0, 2 / 2**5),
        (0, 6, 2 / 2**6),
        (8, 2, 2 * (comb(10, 0) + comb(10, 1) + comb(10, 2)) / 2**10),
        (1, 9, 2 * (comb(10, 0) + comb(10, 1)) / 2**10),
        (9, 6, 2 * sum(comb(15, k) for k in range(7)) / 2**15),
    ],
)
def test_the_p_value_is_the_binomial_worked_by_hand(
    first: int, second: int, p_value: float
) -> None:
    found = exact_mcnemar(*pairs(4, first, second, 5))
    assert (found.only_first, found.only_second) == (first, second)
    assert found.p_value == pytest.approx(p_value)


@pytest.mark.parametrize(("first", "second"), [(180, 33), (50, 61), (300, 299)])
def test_large_counts_double_the_lower_tail(first: int, second: int) -> None:
    found = exact_mcnemar(*pairs(0, first, second, 0)).p_value
    assert found == pytest.approx(min(1, 2 * binom.cdf(min(first, second), first + second, 0.5)))


def test_items_on_which_both_agree_change_nothing() -> None:
    few, many = exact_mcnemar(*pairs(0, 8, 2, 0)), exact_mcnemar(*pairs(500, 8, 2, 500))
    assert few == many


def test_the_order_of_the_models_turns_the_counts_and_no_more() -> None:
    one, other = pairs(1, 8, 2, 1)
    there, back = exact_mcnemar(one, other), exact_mcnemar(other, one)
    assert (there.only_first, there.only_second) == (back.only_second, back.only_first)
    assert there.p_value == back.p_value


def test_the_order_of_the_items_plays_no_part() -> None:
    one, other = pairs(1, 8, 2, 1)
    assert exact_mcnemar(one[::-1], other) == exact_mcnemar(one, other)


@pytest.mark.parametrize("verdict", [v for v in Verdict if v is not Verdict.passed])
def test_only_a_pass_is_right(verdict: Verdict) -> None:
    found = exact_mcnemar(items(Verdict.passed, verdict), items(verdict, verdict))
    assert (found.only_first, found.only_second) == (1, 0)


def test_samples_of_one_problem_are_items_of_their_own() -> None:
    one = [item("p"), replace(item("p", Verdict.failed), sample=1)]
    other = [item("p"), replace(item("p"), sample=1)]
    assert exact_mcnemar(one, other).only_second == 1


def test_models_measured_on_other_items_are_refused() -> None:
    one, other = items(*[Verdict.passed] * 3), items(*[Verdict.passed] * 5)
    with pytest.raises(DataError) as caught:
        exact_mcnemar(one, other)
    for part in ("2 items were answered by one model only", "p/3", "wanted the same items"):
        assert part in str(caught.value)
