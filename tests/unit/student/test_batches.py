import logging
from dataclasses import replace

import numpy as np
import pytest

from advdistill.errors import DataError
from advdistill.interfaces import Example
from advdistill.records import Finish
from advdistill.student.batches import HeldTokens, Rows, encode
from advdistill.student.finetune import Overlong
from tests.tiny import END, byte_tokenizer, example, pool


def encoded(
    examples: list[Example],
    *,
    max_tokens: int = 128,
    overlong: Overlong = Overlong.drop,
    end: int = END,
) -> Rows:
    return encode(examples, end=end, max_tokens=max_tokens, overlong=overlong)


@pytest.mark.parametrize(
    ("finish", "answer"), [(Finish.stop, "42<|im_end|>"), (Finish.length, "42")]
)
def test_an_end_is_taught_only_where_the_answer_ended(finish: Finish, answer: str) -> None:
    (row,) = encoded([example(0, 0, weight=1.0, text="42", finish=finish)]).by_prompt[
        "tiny/train/00000"
    ]
    prompt = "<|im_start|>user\n1+1?<|im_end|>\n<|im_start|>assistant\n"
    tokenizer = byte_tokenizer()
    assert tokenizer.decode(row.ids[: row.prompt_tokens]) == prompt
    assert tokenizer.decode(row.ids[row.prompt_tokens :]) == answer
    assert row.response_tokens == len(row.ids) - row.prompt_tokens


def test_another_end_is_taught_where_one_is_given() -> None:
    (row,) = encoded([example(0, 0, weight=1.0, text="42")], end=0).by_prompt["tiny/train/00000"]
    assert byte_tokenizer().decode(row.ids[row.prompt_tokens :]) == "42<|endoftext|>"


def test_weights_of_zero_cost_nothing_but_their_prompt_stays() -> None:
    rows = encoded([example(0, 0, weight=0.0), example(1, 0, weight=-1.0)])
    assert {name: len(group) for name, group in rows.by_prompt.items()} == {
        "tiny/train/00000": 0,
        "tiny/train/00001": 1,
    }
    assert (rows.used, rows.dropped) == (1, 0)


def test_long_and_empty_responses_are_left_out_counted_and_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        rows = encoded(
            [
                example(0, 0, weight=1.0),
                example(0, 1, weight=1.0, text="x" * 200),
                example(0, 2, weight=1.0, text="", finish=Finish.length),
            ]
        )
    assert (rows.used, rows.dropped) == (1, 2)
    assert "of 3 responses with a weight, 2 are left out" in caplog.text
    assert "raise student.max_tokens" in caplog.text


def test_nothing_to_train_on_is_refused() -> None:
    with pytest.raises(DataError, match="no response to train on"):
        encoded([])
    with pytest.raises(DataError, match=r"none of 2 responses carries a weight; .* weighting"):
        encoded([example(0, 0, weight=0.0), example(1, 0, weight=0.0)])
    for overlong in (Overlong.drop, Overlong.truncate):
        with pytest.raises(DataError, match=r"raise student\.max_tokens"):
            encoded(pool(2, 5), max_tokens=5, overlong=overlong)


PROMPT = len("<|im_start|>user\n1+1?<|im_end|>\n<|im_start|>assistant\n") - 2 * 11 - 9
"""Tokens of `tiny/train/00000`: a byte each, but for the three special ones."""


@pytest.mark.parametrize(
    ("room", "overlong", "tokens", "ends", "counts"),
    [
        (3, Overlong.drop, 3, True, (1, 0, 0)),
        (3, Overlong.truncate, 3, True, (1, 0, 0)),
        (3, Overlong.error, 3, True, (1, 0, 0)),
        (2, Overlong.truncate, 2, False, (1, 0, 1)),
        (1, Overlong.truncate, 1, False, (1, 0, 1)),
        (2, Overlong.drop, None, False, (0, 1, 0)),
        (0, Overlong.truncate, None, False, (0, 1, 0)),
        (-1, Overlong.truncate, None, False, (0, 1, 0)),
        (-1, Overlong.drop, None, False, (0, 1, 0)),
    ],
)
def test_a_response_of_three_tokens_in_the_room_behind_its_prompt(
    room: int, overlong: Overlong, tokens: int | None, ends: bool, counts: tuple[int, int, int]
) -> None:
    """The third is the end; another prompt's short response keeps the pool from being empty."""
    one, other = example(0, 0, weight=1.0, text="42"), example(0, 1, weight=1.0, text="")
    short = HeldTokens(ids=np.ones(PROMPT - 4, dtype=np.int32), prompt_tokens=PROMPT - 4)
    other = replace(other, prompt_id="b", tokens=short)
    rows = encoded([one, other], max_tokens=PROMPT + room, overlong=overlong)
    found = rows.by_prompt["tiny/train/00000"]
    assert [row.response_tokens for row in found] == ([] if tokens is None else [tokens])
    assert [row.ids[-1] == byte_tokenizer().eos_token_id for row in found] == [ends] * len(found)
    assert (rows.used - 1, rows.dropped, rows.truncated) == counts


def test_of_a_cut_response_the_teachers_log_prob_is_not_known() -> None:
    one, two = example(0, 0, weight=1.0, text="4"), example(0, 1, weight=1.0, text="42")
    rows = encoded([one, two], max_tokens=PROMPT + 2, overlong=Overlong.truncate)
    whole, cut = rows.by_prompt["tiny/train/00000"]
    assert (whole.teacher, cut.teacher) == (one.teacher, None)
    assert cut.reference == two.reference


def test_too_long_responses_are_refused_if_asked_and_the_first_is_named() -> None:
    given = [example(0, sample, weight=1.0, text="1" * sample) for sample in range(5)]
    with pytest.raises(DataError) as caught:
        encoded(given, max_tokens=PROMPT + 3, overlong=Overlong.error)
    assert f"2 responses are, with their prompt, longer than {PROMPT + 3} tokens" in str(
        caught.value
    )
    assert f"(first: tiny/train/00000, sample 3, with {PROMPT + 4})" in str(caught.value)
    assert "raise student.max_tokens, or set student.overlong" in str(caught.value)


@pytest.mark.parametrize("overlong", list(Overlong))
def test_an_empty_response_teaches_its_end_alone_and_without_one_is_left_out(
    overlong: Overlong,
) -> None:
    given = [
        example(0, 0, weight=1.0, text=""),
        example(0, 1, weight=1.0, text="", finish=Finish.length),
    ]
    rows = encoded(given, overlong=overlong)
    assert [row.response_tokens for row in rows.by_prompt["tiny/train/00000"]] == [1]
    assert (rows.used, rows.dropped, rows.truncated) == (1, 1, 0)


@pytest.mark.parametrize("overlong", [Overlong.drop, Overlong.truncate])
@pytest.mark.parametrize("max_tokens", [40, 44, 50, 60, 128])
def test_every_response_is_used_dropped_or_without_weight(
    overlong: Overlong, max_tokens: int
) -> None:
    given = pool(9, 5)
    rows = encoded(given, max_tokens=max_tokens, overlong=overlong)
    without = sum(one.weight == 0 for one in given)
    assert rows.used + rows.dropped + without == len(given)
    assert rows.truncated <= rows.used


def test_a_response_that_is_there_twice_is_refused() -> None:
    given = [example(0, 0, weight=1.0), example(1, 0, weight=1.0), example(0, 0, weight=0.0)]
    with pytest.raises(DataError, match="sample 0 of tiny/train/00000 is there twice"):
        encoded(given)


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), float("-inf")])
def test_a_weight_that_is_no_number_is_refused(weight: float) -> None:
    given = [example(0, 0, weight=1.0), example(0, 1, weight=weight)]
    with pytest.raises(DataError, match=r"tiny/train/00000, sample 1, is .*; wanted a finite"):
        encoded(given)


def test_order_and_lengths_do_not_depend_on_the_weights() -> None:
    examples = [replace(one, weight=1.0) for one in pool(6, 3)]
    assert list(encoded(examples).by_prompt) == list(encoded(pool(6, 3)).by_prompt)
