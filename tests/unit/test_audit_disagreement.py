import pytest
from scipy.stats import binomtest

from advdistill.audit_disagreement import Judged, disagreement_of, parts
from advdistill.records import Verdict
from tests.builders import prompt, response, reward

P, F, U, E = Verdict.passed, Verdict.failed, Verdict.unparsed, Verdict.error


def paired(*verdicts: tuple[Verdict, Verdict]) -> list[Judged]:
    return [
        Judged(
            prompt=prompt(),
            response=response(sample=number),
            total=reward(sample=number, verdict=first),
            second=reward(sample=number, verdict=second),
        )
        for number, (first, second) in enumerate(verdicts)
    ]


def test_two_verifiers_part_where_only_one_passes() -> None:
    found = disagreement_of(paired((P, P), (P, F), (F, P), (P, U), (F, U), (E, P), (P, E)))
    assert (found.compared, found.only_first, found.only_second) == (5, 2, 1)
    assert found.share == 3 / 5
    assert sum(found.table.values()) == 7
    assert found.table[P, E] == 1
    assert (found.low, found.high) == pytest.approx(
        tuple(binomtest(3, 5).proportion_ci(method="wilson"))
    )


def test_wilsons_interval_of_a_worked_example() -> None:
    # 12 of 96: (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n) with z = 1.959964.
    found = disagreement_of(paired(*[(P, F)] * 12, *[(P, P)] * 84))
    assert (found.low, found.high) == pytest.approx((0.072972, 0.205885), abs=1e-6)


def test_nothing_to_compare_leaves_everything_possible() -> None:
    found = disagreement_of(paired((E, P)))
    assert (found.compared, found.share, found.low, found.high) == (0, 0.0, 0.0, 1.0)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [(P, F, True), (U, P, True), (F, U, False), (P, P, False), (P, E, False), (E, F, False)],
)
def test_verifiers_part_where_both_know_and_one_passes(
    first: Verdict, second: Verdict, expected: bool
) -> None:
    [judged] = paired((first, second))
    assert parts(judged) is expected
