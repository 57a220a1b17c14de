from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advdistill.audit import (
    Pool,
    audit,
    contradictions_of,
    drawn,
    groups_of_passes,
    tiers_of,
    totals_of,
    verdicts_of,
)
from advdistill.records import Prompt, Response, Reward, Verdict
from tests.builders import prompt, response, reward

P, F, U, E = Verdict.passed, Verdict.failed, Verdict.unparsed, Verdict.error


def group(name: str, *answers: tuple[Verdict, str | None]) -> list[Reward]:
    """Return the totals of one prompt's answers."""
    return [
        reward(name, sample, verdict=verdict, answer=answer)
        for sample, (verdict, answer) in enumerate(answers)
    ]


def prompts(*names: str) -> dict[str, Prompt]:
    return {name: prompt(name) for name in names}


def test_verdicts_are_counted_by_rule_with_the_total_last() -> None:
    rows = [reward(rule="total"), reward(rule="number", verdict=F), reward(sample=1, rule="total")]
    counts = verdicts_of(rows)
    assert list(counts) == ["number", "total"]
    assert counts == {"number": {F: 1}, "total": {P: 2}}


def test_tiers_say_how_often_they_pass() -> None:
    rows = [
        replace(reward(verdict=v), tier=tier) for v, tier in [(P, "hash"), (F, "hash"), (U, None)]
    ]
    assert [(tier.name, tier.answers, tier.passed) for tier in tiers_of(rows)] == [
        ("hash", 2, 1),
        (None, 1, 0),
    ]


def test_groups_are_counted_by_how_many_pass() -> None:
    rows = [
        *group("a", (P, "1"), (F, "2")),
        *group("b", (P, "1"), (E, None)),
        *group("c", (F, "1"), (U, None)),
        *group("d", (P, "1")),
    ]
    found = groups_of_passes(rows)
    assert found.sizes == {(1, 2): 2, (0, 2): 1, (1, 1): 1}
    assert found.prompts == 4
    # Unknown is no reward, so that of `b` all are equal; fail and unparsed are both 0.
    assert found.mixed == 1


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([(F, "3"), (F, "3"), (P, "2")], ("3", 2, 3, 1)),
        ([(F, "3"), (F, "3"), (F, "3")], ("3", 3, 3, 0)),
        ([(F, "3"), (F, "3"), (U, None), (U, None), (E, None)], ("3", 2, 2, 0)),
        # No more than half, or a single voice, or nobody.
        ([(F, "3"), (F, "3"), (F, "4"), (F, "5")], None),
        ([(F, "3"), (F, "3"), (P, "2"), (P, "2")], None),
        ([(F, "3")], None),
        ([(U, None), (U, None)], None),
        # The majority passes, somewhere at least, or nobody knows.
        ([(P, "2"), (P, "2"), (F, "3")], None),
        ([(F, "2"), (F, "2"), (P, "2")], None),
        ([(E, "2"), (E, "2")], None),
    ],
)
def test_a_majority_that_never_passes_contradicts_the_gold_answer(
    answers: list[tuple[Verdict, str | None]], expected: tuple[str, int, int, int] | None
) -> None:
    found = contradictions_of(prompts("a"), group("a", *answers))
    assert [(one.answer, one.votes, one.read, one.passed) for one in found] == (
        [expected] if expected else []
    )


def test_the_most_agreed_upon_come_first() -> None:
    rows = [
        *group("a", (F, "3"), (F, "3"), (F, "4")),
        *group("b", (F, "3"), (F, "3")),
        *group("c", (F, "3"), (F, "3"), (F, "3"), (P, "2")),
        *group("d", (F, "3"), (F, "3")),
    ]
    found = contradictions_of(prompts(*"abcd"), rows)
    assert [one.prompt.prompt_id for one in found] == ["c", "b", "d", "a"]


answers_drawn = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.integers(0, 9)), unique=True, min_size=1
)


@given(answers_drawn, st.integers(0, 3), st.randoms())
def test_a_draw_depends_on_neither_order_nor_the_other_answers(
    keys: list[tuple[str, int]], seed: int, random
) -> None:
    rows = [response(name, sample) for name, sample in keys]
    few = drawn(rows, 3, seed=seed)
    assert few == drawn(rows, None, seed=seed)[: len(few)]
    shuffled = random.sample(rows, len(rows))
    assert drawn(shuffled, 3, seed=seed) == few
    assert drawn([row for row in rows if row in few], 3, seed=seed) == few


def test_another_seed_draws_others() -> None:
    rows = [response(sample=sample) for sample in range(100)]
    assert drawn(rows, 10, seed=0) != drawn(rows, 10, seed=1)


def pool(rewards: Sequence[Reward]) -> Pool:
    keys = list(totals_of(rewards))
    return Pool(
        prompts=prompts(*{name for name, _ in keys}),
        responses=[Response(**ROW, prompt_id=name, sample=sample) for name, sample in keys],
        rewards=rewards,
        weights=[],
    )


ROW = {key: getattr(response(), key) for key in ("text", "tokens", "finish", "teacher")}


def test_a_report_has_examples_of_every_verdict_there_is() -> None:
    rows = group("a", *[(P, "2")] * 5, (F, "3"), (E, None))
    report = audit(pool(rows), rows[:3], sample=2, seed=0)
    assert report.answers == 7
    assert {v: len(cases) for v, cases in report.examples.items() if cases} == {P: 2, F: 1, E: 1}
    assert sum(report.disagreement.table.values()) == 2
    assert report == audit(pool(rows), rows[:3], sample=2, seed=0)


def test_a_report_has_cases_beyond_the_sample() -> None:
    rows = group("a", *[(P, "2")] * 5)
    second = [replace(row, verdict=F, value=0.0) for row in rows]
    report = audit(pool(rows), second, sample=1, seed=0)
    assert sum(report.disagreement.table.values()) == 1
    assert {(one.total.verdict, one.second.verdict) for one in report.parted if one.second} == {
        (P, F)
    }
    assert len(report.parted) == 5
