"""Axes: `N` response tokens, `S` tokens of a row."""

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from advdistill.interfaces import Packing
from advdistill.student.batches import Row
from advdistill.student.packing import MicroBatch, micro_batches
from tests.unit.student.packs import Group, rows_of

GROUPS = st.lists(
    st.tuples(st.integers(1, 12), st.lists(st.integers(1, 12), min_size=1, max_size=6)), max_size=5
)


def tokens_of(passes: Sequence[MicroBatch]) -> int:
    return sum(batch.ids_BS.numel() for batch in passes)


def copies_of(passes: Sequence[MicroBatch]) -> int:
    """Return how many copies of prompts the passes hold."""
    return sum(len(batch.trees or ()) for batch in passes)


@given(GROUPS, st.sampled_from(Packing), st.integers(1, 60))
def test_every_response_token_is_predicted_once_in_its_own_text(
    groups: list[Group], packing: Packing, row_tokens: int
) -> None:
    rows = rows_of(groups)
    passes = micro_batches(rows, packing=packing, row_tokens=row_tokens)
    targets: dict[int, list[int]] = {i: [] for i in range(len(rows))}
    for batch in passes:
        ids_S, positions_S = batch.ids_BS.flatten(), batch.positions_BS.flatten()
        for place, target, i in zip(
            batch.predicting_N.tolist(),
            batch.targets_N.tolist(),
            batch.response_N.tolist(),
            strict=True,
        ):
            before = rows[i].prompt_tokens + len(targets[i]) - 1
            assert (ids_S[place], positions_S[place]) == (rows[i].ids[before], before)
            targets[i].append(target)
    assert targets == {i: row.ids[row.prompt_tokens :].tolist() for i, row in enumerate(rows)}


@given(GROUPS, st.sampled_from([Packing.auto, Packing.shared, Packing.plain]), st.integers(1, 60))
def test_trees_lie_behind_each_other_and_spell_prompt_and_responses(
    groups: list[Group], packing: Packing, row_tokens: int
) -> None:
    rows = rows_of(groups)
    for batch in micro_batches(rows, packing=packing, row_tokens=row_tokens):
        members = iter(dict.fromkeys(batch.response_N.tolist()))
        end = 0
        for tree in batch.trees or ():
            assert tree.start == end
            prompt = slice(end, end + tree.prompt_tokens)
            for own in tree.responses:
                whole = torch.cat([batch.ids_BS[0, prompt], batch.ids_BS[0, own]])
                assert whole.tolist() == rows[next(members)].ids.tolist()
                positions = torch.cat([batch.positions_BS[0, prompt], batch.positions_BS[0, own]])
                assert positions.tolist() == list(range(len(whole)))
            end += tree.tokens
        assert end == batch.ids_BS.numel()
        assert next(members, None) is None


@given(GROUPS, st.sampled_from(Packing), st.integers(1, 60))
def test_only_a_response_that_is_longer_alone_exceeds_the_row(
    groups: list[Group], packing: Packing, row_tokens: int
) -> None:
    for batch in micro_batches(rows_of(groups), packing=packing, row_tokens=row_tokens):
        assert batch.ids_BS.numel() <= row_tokens or len(batch.response_N.unique()) == 1


def test_a_shared_prompt_stands_once() -> None:
    rows = rows_of([(145, [168] * 8), (20, [30])])
    shared = micro_batches(rows, packing=Packing.shared, row_tokens=4096)
    plain = micro_batches(rows, packing=Packing.plain, row_tokens=4096)
    assert (copies_of(shared), tokens_of(shared)) == (2, 145 + 8 * 168 + 50)
    assert (copies_of(plain), tokens_of(plain)) == (9, 8 * (145 + 168) + 50)


def test_a_group_larger_than_a_row_is_split_with_as_few_copies_as_fit() -> None:
    rows = rows_of([(100, [150] * 64)])
    passes = micro_batches(rows, packing=Packing.shared, row_tokens=1000)
    assert copies_of(passes) == len(passes) == 11  # six of them beside the prompt
    assert {batch.ids_BS.numel() for batch in passes} == {100 + 5 * 150, 100 + 6 * 150}


def test_a_prompt_as_long_as_a_row_is_not_shared() -> None:
    passes = micro_batches(rows_of([(64, [4, 5])]), packing=Packing.shared, row_tokens=64)
    assert sorted(batch.ids_BS.numel() for batch in passes) == [68, 69]


@pytest.mark.parametrize(
    ("group", "copies"),
    [
        ((145, [168]), 1),
        ((145, [168] * 2), 1),
        ((145, [168] * 8), 1),
        ((145, [30] * 64), 1),
        ((600, [10] * 4), 1),
        ((40, [900] * 3), 1),
        ((20, [300] * 2), 2),
        ((21, [300] * 2), 1),
        ((11, [300] * 8), 8),
        ((12, [300] * 8), 1),
    ],
)
def test_auto_shares_where_the_copies_saved_outweigh_the_calls(group: Group, copies: int) -> None:
    passes = micro_batches(rows_of([group]), packing=Packing.auto, row_tokens=8192)
    assert copies_of(passes) == copies


def test_rows_are_filled_with_several_prompts() -> None:
    rows = rows_of([(40, [20 + 7 * (i % 5)] * 4) for i in range(50)])
    passes = micro_batches(rows, packing=Packing.shared, row_tokens=1024)
    assert len(passes) == -(-tokens_of(passes) // 1024)
    sizes = [batch.ids_BS.numel() for batch in passes]
    assert max(sizes) - min(sizes) < 0.1 * max(sizes)


def test_no_rows_make_no_pass() -> None:
    none: list[Row] = []
    assert all(micro_batches(none, packing=packing, row_tokens=8) == [] for packing in Packing)
