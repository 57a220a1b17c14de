import logging
from dataclasses import replace

import pytest

from advdistill.errors import DataError
from advdistill.interfaces import Example
from advdistill.records import Finish
from advdistill.student.batches import Rows, encode
from tests.tiny import ANSWER_FORMAT, byte_tokenizer, example, pool


def encoded(examples: list[Example], *, max_tokens: int = 128) -> Rows:
    return encode(examples, byte_tokenizer(), answer_format=ANSWER_FORMAT, max_tokens=max_tokens)


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
    assert "2 of 3 responses" in caplog.text
    assert "raise student.max_tokens" in caplog.text


def test_nothing_to_train_on_is_refused() -> None:
    with pytest.raises(DataError, match="no response to train on"):
        encoded([])
    with pytest.raises(DataError, match=r"raise student\.max_tokens"):
        encoded(pool(2, 5), max_tokens=5)


def test_order_and_lengths_do_not_depend_on_the_weights() -> None:
    examples = [replace(one, weight=1.0) for one in pool(6, 3)]
    assert list(encoded(examples).by_prompt) == list(encoded(pool(6, 3)).by_prompt)
