from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from advdistill.errors import StageError
from advdistill.interfaces import RewardGroups
from advdistill.pools import Labels, joined, labels_of, weights_of
from advdistill.pools import groups_of as groups_of_tables
from advdistill.records import Reference, Response, Reward, Verdict, Weight
from advdistill.tables import to_rows, to_table
from tests.builders import response, reward

RAGGED = [("a", 0), ("b", 0), ("a", 1), ("c", 5), ("a", 2), ("b", 1)]
"""Three groups, their answers in each other's way; sample numbers may have gaps."""


def responses() -> list[Response]:
    return [
        response(prompt_id, sample, tokens=10 + place)
        for place, (prompt_id, sample) in enumerate(RAGGED)
    ]


def rewards() -> list[Reward]:
    verdicts = dict(zip(RAGGED, [*Verdict], strict=True))
    return [
        row
        for key, verdict in reversed(verdicts.items())
        for row in (
            reward(*key, rule="number", verdict=verdict),
            reward(*key, verdict=verdict, answer="2" if key[1] != 1 else None),
        )
    ]


def groups_of(responses: Sequence[Response], rewards: Sequence[Reward]) -> RewardGroups:
    return groups_of_tables(to_table(Response, responses), to_table(Reward, rewards))


def test_a_ragged_pool_becomes_padded_arrays() -> None:
    groups = groups_of(responses(), rewards())
    nan = np.nan
    assert groups.prompt_ids == ("a", "b", "c")
    assert groups.present_PG.tolist() == [
        [True, True, True],
        [True, True, False],
        [True, False, False],
    ]
    wanted_PG = np.array([[1, 0, nan], [0, nan, nan], [nan, nan, nan]])
    assert np.array_equal(groups.rewards_PG, wanted_PG, equal_nan=True)
    assert np.array_equal(groups.parts["number"], wanted_PG, equal_nan=True)
    assert groups.parts.keys() == {"number"}
    assert groups.lengths_PG.tolist() == [[10, 12, 14], [11, 15, 0], [13, 0, 0]]
    assert groups.samples_PG.tolist() == [[0, 1, 2], [0, 1, -1], [5, -1, -1]]
    assert groups.passed_PG.tolist() == [[True, False, False], [False] * 3, [False] * 3]
    assert groups.known_PG.tolist() == [
        [True, True, False],
        [True, False, False],
        [False, False, False],
    ]


def test_equal_answers_of_a_prompt_share_a_number_and_none_has_minus_one() -> None:
    ids_PG = groups_of(responses(), rewards()).answer_ids_PG
    assert ids_PG[0, 0] == ids_PG[0, 2] >= 0
    assert ids_PG[0, 1] == ids_PG[1, 1] == ids_PG[2, 1] == -1
    assert len({ids_PG[0, 0], ids_PG[1, 0], ids_PG[2, 0]}) == 3


def test_lengths_are_characters_where_tokens_are_unknown() -> None:
    one = [response("a", 0, text="four", tokens=None)]
    assert groups_of(one, [reward("a", 0)]).lengths_PG.tolist() == [[4]]


def test_a_passed_answer_with_another_value_passed_all_the_same() -> None:
    row = replace(reward("a", 0), value=0.25)
    groups = groups_of([response("a", 0)], [row])
    assert (groups.rewards_PG.tolist(), groups.passed_PG.tolist()) == ([[0.25]], [[True]])


def test_equal_texts_of_a_prompt_share_a_number() -> None:
    texts = [("a", "x"), ("a", "y"), ("a", "x"), ("b", "x"), ("a", "")]
    rows = [response(name, number, text=text) for number, (name, text) in enumerate(texts)]
    totals = [reward(row.prompt_id, row.sample) for row in rows]
    ids_PG = groups_of(rows, totals).text_ids_PG
    assert ids_PG[0, 0] == ids_PG[0, 2]
    assert len({*ids_PG[0].tolist(), int(ids_PG[1, 0])}) == 4
    assert ids_PG[1].tolist()[1:] == [-1, -1, -1]


def test_a_rule_that_skipped_an_answer_is_unknown_there() -> None:
    rows = [reward("a", 0), reward("a", 1), reward("a", 0, rule="format")]
    parts = groups_of([response("a", 0), response("a", 1)], rows).parts
    assert np.array_equal(parts["format"], [[1.0, np.nan]], equal_nan=True)


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        (rewards()[:-1], 5),
        ([*rewards(), reward("a", 9)], 7),
        ([*rewards()[:-1], reward("z", 0)], 6),
        ([*rewards(), reward(*RAGGED[0])], 7),
        ([row for row in rewards() if row.rule != "total"], 0),
    ],
    ids=["missing", "stray", "other", "twice", "none"],
)
def test_a_pool_without_exactly_one_total_per_answer_is_refused(
    rows: list[Reward], found: int
) -> None:
    with pytest.raises(StageError, match=f"{found} total rewards for 6 responses; wanted exactly"):
        groups_of(responses(), rows)


def test_a_response_that_occurs_twice_is_refused() -> None:
    with pytest.raises(StageError, match="wanted exactly one"):
        groups_of([*responses(), responses()[0]], rewards())


def test_weights_go_back_to_the_answers_whose_rewards_they_were_made_from() -> None:
    groups = groups_of(responses(), rewards())
    numbers_PG = groups.lengths_PG.astype(float)
    weights = to_rows(Weight, weights_of(numbers_PG, to_table(Response, responses())))
    assert [(row.prompt_id, row.sample) for row in weights] == RAGGED
    assert [row.value for row in weights] == [row.tokens for row in responses()]


def part(names: str) -> RewardGroups:
    """Return the groups of these prompts alone."""
    return groups_of(
        [row for row in responses() if row.prompt_id in names],
        [row for row in rewards() if row.prompt_id in names],
    )


@pytest.mark.parametrize("parts", [["a", "b", "c"], ["ab", "", "c"], ["abc"]])
def test_the_groups_of_parts_are_joined_to_those_of_the_whole(parts: list[str]) -> None:
    whole, found = part("abc"), joined([part(names) for names in parts])
    for field in fields(whole):
        if field.name not in ("answer_ids_PG", "text_ids_PG"):  # equal within a prompt, no more
            np.testing.assert_equal(getattr(found, field.name), getattr(whole, field.name))
    for one_P, other_P in zip(found.text_ids_PG, whole.text_ids_PG, strict=True):
        same_PP, wanted_PP = one_P[:, None] == one_P, other_P[:, None] == other_P
        assert same_PP.tolist() == wanted_PP.tolist()


def test_a_rule_that_only_one_part_knows_is_unknown_in_the_other() -> None:
    one = groups_of([response("a", 0)], [reward("a", 0), reward("a", 0, rule="format")])
    other = groups_of([response("b", 0)], [reward("b", 0)])
    values = joined([one, other]).parts["format"]
    assert np.array_equal(values, [[1.0], [np.nan]], equal_nan=True)


def test_no_part_at_all_is_an_empty_pool() -> None:
    assert joined([]).rewards_PG.shape == (0, 0)


def weights() -> list[Weight]:
    return [Weight(prompt_id=p, sample=s, value=float(s)) for p, s in reversed(RAGGED)]


def references() -> list[Reference]:
    return [
        Reference(prompt_id=p, sample=s, logprob_sum=None if (p, s) == RAGGED[1] else -float(s))
        for p, s in reversed(RAGGED)
    ]


def labels(**changed: list[Any]) -> Labels:
    """Return the labels of the ragged pool, some of its rows changed."""
    rows = {"rewards": rewards(), "weights": weights(), "references": references(), **changed}
    tables = {name: to_table(record, rows[name]) for name, record in RECORDS.items()}
    return labels_of(to_table(Response, responses()), *tables.values())


RECORDS = {"rewards": Reward, "weights": Weight, "references": Reference}


def test_labels_stand_in_the_order_of_the_answers() -> None:
    found = labels()
    assert found.weights_B.tolist() == [sample for _, sample in RAGGED]
    assert found.right_B.tolist() == [True, False, False, False, False, False]
    wanted_B = [np.nan if number == 1 else -s for number, (_, s) in enumerate(RAGGED)]
    assert np.array_equal(found.references_B, wanted_B, equal_nan=True)


def test_an_answer_is_right_by_its_verdict_under_the_total_rule_alone() -> None:
    rows = [
        replace(row, verdict=Verdict.passed, value=1.0) if row.rule == "number" else row
        for row in rewards()
    ]
    assert labels(rewards=rows).right_B.tolist() == [True, False, False, False, False, False]


def test_without_references_every_answer_lacks_one() -> None:
    tables = (to_table(Reward, rewards()), to_table(Weight, weights()))
    found = labels_of(to_table(Response, responses()), *tables, None)
    assert np.isnan(found.references_B).all()


@pytest.mark.parametrize("change", ["missing", "other", "stray", "twice", "none"])
@pytest.mark.parametrize("name", ["weights", "rewards", "references"])
def test_rows_of_another_pool_are_refused(name: str, change: str) -> None:
    whole = {"weights": weights(), "rewards": rewards(), "references": references()}[name]
    rows = [row for row in whole if name != "rewards" or row.rule == "total"]
    other = replace(rows[0], sample=7)
    changed = {
        "missing": rows[1:],
        "other": [*rows[1:], other],
        "stray": [*rows, other],
        "twice": [*rows, rows[0]],
        "none": [],
    }[change]
    with pytest.raises(StageError, match=f"{len(changed)} {name} for 6 responses.*wanted one of"):
        labels(**{name: changed})
