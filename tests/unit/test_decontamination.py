"""A training prompt overlaps where it shares a run of words, or is the same as a whole."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advdistill.decontamination import Overlap, overlaps
from advdistill.records import Prompt
from tests.builders import prompt

HELD_OUT = "Anna has 3.5 red apples, 2 green pears and no plums at all today."


def shared(train: str, held_out: str, words: int) -> list[Overlap]:
    ours, theirs = prompt("p/train/0", question=train), prompt("p/test/0", question=held_out)
    return overlaps([ours], [theirs], words=words)


@pytest.mark.parametrize(
    ("train", "passage"),
    [
        (HELD_OUT, "anna has 3.5 red apples"),
        ("Today ANNA  has\n3.5 red (apples)!", "anna has 3.5 red apples"),
        ("He said: pears, and no plums at all.", "pears and no plums at"),
        ("2 green pears and", None),
        ("Anna has 4.5 red apples, 3 green pears and no figs at all today.", None),
        ("", None),
    ],
)
def test_a_run_of_so_many_words_is_an_overlap(train: str, passage: str | None):
    found = shared(train, HELD_OUT, 5)
    assert [overlap.passage for overlap in found] == ([] if passage is None else [passage])


def test_an_overlap_names_both_prompts():
    assert shared("What is 2 + 3?", "what is 2 + 3", 13) == [
        Overlap(train_id="p/train/0", held_out_id="p/test/0", passage="what is 2 + 3")
    ]


@pytest.mark.parametrize(
    ("train", "held_out", "same"),
    [
        ("What is 2 + 3?", "What is 2 - 3?", False),
        ("What is 3.5 * 2?", "What is 35 * 2?", False),
        ("What is 1,000 / 2?", "What is 1000 / 2?", True),
        ("What is $x_1$?", "What is x1.", True),
        ("What is it?", "What is it, and why is it?", False),
        ("?", "!", False),
        ("", "", False),
    ],
)
def test_short_questions_overlap_where_they_are_the_same(train: str, held_out: str, same: bool):
    assert bool(shared(train, held_out, 13)) is same


def test_each_training_prompt_comes_once_with_the_first_held_out_one():
    train = [prompt(f"p/train/{n}", question=HELD_OUT) for n in range(2)]
    held_out = [prompt(f"p/test/{n}", question=HELD_OUT) for n in range(3)]
    found = overlaps(train, held_out, words=8)
    assert [(one.train_id, one.held_out_id) for one in found] == [
        ("p/train/0", "p/test/0"),
        ("p/train/1", "p/test/0"),
    ]


def test_options_are_not_compared():
    ours = Prompt(**{**fields(prompt("p/train/0", question="Which?")), "choices": (HELD_OUT,)})
    theirs = prompt("p/test/0", question=HELD_OUT)
    assert overlaps([ours], [theirs], words=5) == []


def fields(one: Prompt) -> dict[str, object]:
    return {name: getattr(one, name) for name in Prompt.__slots__}


text = st.lists(st.sampled_from(["a", "b", "c", "1"]), max_size=12).map(" ".join)


@given(train=text, held_out=text, words=st.integers(1, 6))
def test_it_finds_what_comparing_every_run_finds(train: str, held_out: str, words: int):
    def runs(question: str) -> set[tuple[str, ...]]:
        parts = question.split()
        if len(parts) < words:
            return {tuple(parts)} - {()}
        return {tuple(parts[start : start + words]) for start in range(len(parts) - words + 1)}

    assert bool(shared(train, held_out, words)) is bool(runs(train) & runs(held_out))


def test_the_time_is_linear_in_the_text():
    """Twenty thousand prompts of fifty words on each side: far below what pairs would take."""
    draws = random.Random(0)
    words = [f"w{number}" for number in range(1_000)]
    made = [
        prompt(f"p/{number}", question=" ".join(draws.choices(words, k=50)))
        for number in range(40_000)
    ]
    begin = time.process_time()
    assert overlaps(made[::2], made[1::2], words=13) == []
    assert time.process_time() - begin < 20
