from collections import Counter
from itertools import product
from time import perf_counter

import pytest
import torch

from advdistill.interfaces import Responses
from advdistill.objective.pairs import PairNormaliser, denominator, pairs_of, weights_K
from tests.unit.objective.steps import Row, responses, step


def found(known: Responses, max_pairs: int | None) -> list[tuple[int, int]]:
    pairs = pairs_of(known, max_pairs)
    return list(zip(pairs.right_K.tolist(), pairs.wrong_K.tolist(), strict=True))


def prompt(rights: int, wrongs: int, group: int = 0) -> list[Row]:
    return [
        Row(logprobs=(-1.0,), right=number < rights, group=group)
        for number in range(rights + wrongs)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_all_pairs_are_right_times_wrong_of_each_prompt(seed: int) -> None:
    rows = step(seed, prompts=8)
    wanted = {
        (right, wrong)
        for right, wrong in product(range(len(rows)), repeat=2)
        if rows[right].group == rows[wrong].group
        and rows[right].right
        and not rows[wrong].right
        and rows[right].weight * rows[wrong].weight != 0
    }
    pairs = found(responses(rows), None)
    assert set(pairs) == wanted
    assert len(pairs) == len(wanted)


@pytest.mark.parametrize(("rights", "wrongs"), product([1, 2, 3, 4, 6, 7], repeat=2))
def test_no_answer_dominates_the_pairs_that_are_kept(rights: int, wrongs: int) -> None:
    known = responses(prompt(rights, wrongs))
    for max_pairs in range(1, rights * wrongs + 2):
        pairs = found(known, max_pairs)
        assert len(set(pairs)) == len(pairs) == min(max_pairs, rights * wrongs)
        for side, answers in ((0, range(rights)), (1, range(rights, rights + wrongs))):
            counts = Counter(pair[side] for pair in pairs)
            found_counts = [counts[answer] for answer in answers]
            assert max(found_counts) - min(found_counts) <= 1


def test_the_limit_holds_for_each_prompt_by_itself() -> None:
    rows = [*prompt(3, 3, group=4), *prompt(1, 2, group=9), *prompt(2, 0, group=11)]
    pairs = pairs_of(responses(rows), 4)
    assert pairs.number_P[:3].tolist() == [4, 2, 0]
    assert Counter(pairs.prompt_K.tolist()) == {0: 4, 1: 2}


def test_interleaved_prompts_have_the_same_pairs() -> None:
    rows = [*prompt(2, 2, group=0), *prompt(3, 1, group=1)]
    order = [0, 4, 1, 5, 2, 6, 3, 7]
    turned = found(responses([rows[place] for place in order]), 3)
    assert {(order[right], order[wrong]) for right, wrong in turned} == set(
        found(responses(rows), 3)
    )


def test_a_pair_weighs_the_product_of_its_answers() -> None:
    rows = [
        Row(logprobs=(-1.0,), weight=weight, right=right, group=group)
        for weight, right, group in [
            (2.0, True, 0),
            (-3.0, False, 0),
            (0.5, False, 0),
            (-1.5, True, 1),
            (4.0, False, 1),
        ]
    ]
    known = responses(rows)
    pairs = pairs_of(known, None)
    assert sorted(weights_K(pairs, known, PairNormaliser.pairs).tolist()) == [1.0, 6.0, 6.0]
    assert sorted(weights_K(pairs, known, PairNormaliser.prompts).tolist()) == [0.5, 3.0, 6.0]


@pytest.mark.parametrize("normaliser", PairNormaliser)
@pytest.mark.parametrize("rows", [[], prompt(3, 0), prompt(0, 3), prompt(1, 0) + prompt(0, 1, 1)])
def test_without_a_pair_there_is_no_step(rows: list[Row], normaliser: PairNormaliser) -> None:
    pairs = pairs_of(responses(rows), None)
    assert len(pairs.right_K) == 0
    assert denominator(pairs, normaliser, 7.0) == 0.0


def test_a_large_step_takes_no_time() -> None:
    """32 prompts of 64 answers, half of them right: 32,768 pairs."""
    rows = [one for group in range(32) for one in prompt(32, 32, group)]
    known = responses(rows)
    before = perf_counter()
    pairs = pairs_of(known, None)
    assert perf_counter() - before < 1.0
    assert len(pairs.right_K) == 32 * 32 * 32
    assert torch.equal(known.groups_B[pairs.right_K], known.groups_B[pairs.wrong_K])
