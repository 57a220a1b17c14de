"""What of a reply is an answer."""

from typing import Any

import pytest

from advdistill.endpoint.chat import Malformed, read
from advdistill.records import Finish


def choice(index: Any = 0, content: Any = "four", **more: Any) -> dict[str, Any]:
    return {"index": index, "message": {"content": content}, "finish_reason": "stop", **more}


def test_an_answer_is_read() -> None:
    reply = read(
        {"choices": [choice()], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}, answers=1
    )
    one = reply.choices[0]
    assert (one.text, one.finish, one.tokens, one.logprobs) == ("four", Finish.stop, 2, None)
    assert (reply.prompt_tokens, reply.completion_tokens) == (7, 2)


@pytest.mark.parametrize(
    ("indices", "kept"),
    [([0, 1, 2], [0, 1, 2]), ([2, 0], [0, 2]), ([0, 0, 1], [1]), ([0, 3, -1], [0]), ([], [])],
)
def test_an_index_that_came_twice_or_was_not_asked_for_is_left_out(
    indices: list[int], kept: list[int]
) -> None:
    reply = read({"choices": [choice(index) for index in indices]}, answers=3)
    assert sorted(reply.choices) == kept


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        "text",
        {"error": "overloaded"},
        {"choices": "none"},
        {"choices": [1]},
        {"choices": [{"index": 0, "text": "old"}]},
        {"choices": [choice("0")]},
        {"choices": [choice(0, ["part"])]},
        {"choices": [choice(), {}]},
    ],
)
def test_another_shape_is_no_answer(payload: object) -> None:
    with pytest.raises(Malformed):
        read(payload, answers=1)


@pytest.mark.parametrize(
    "logprobs",
    [
        None,
        {},
        {"content": None},
        {"content": []},
        {"content": [{"logprob": -1.0}, {}]},
        {"content": [{"logprob": None}]},
        {"content": [{"logprob": float("nan")}]},
        {"content": [{"logprob": float("-inf")}]},
        {"content": [{"logprob": 0.5}]},
        {"content": [3]},
    ],
)
def test_log_probs_that_are_none_are_unknown(logprobs: object) -> None:
    reply = read({"choices": [choice(logprobs=logprobs)]}, answers=1)
    assert reply.choices[0].logprobs is None


@pytest.mark.parametrize(
    "usage",
    [
        *[None, {}, 3, {"prompt_tokens": 1}],
        {"prompt_tokens": "1", "completion_tokens": 2},
        {"prompt_tokens": 1, "completion_tokens": -2},
    ],
)
def test_usage_that_is_none_leaves_the_tokens_unknown(usage: object) -> None:
    reply = read({"choices": [choice()], "usage": usage}, answers=1)
    assert reply.choices[0].tokens is None
    assert reply.completion_tokens == 0


def test_half_a_surrogate_pair_is_replaced() -> None:
    reply = read({"choices": [choice(0, "a\ud800b")]}, answers=1)
    assert reply.choices[0].text == "a\ufffdb"


@pytest.mark.parametrize(
    ("message", "reason", "finish"),
    [
        ({"content": None}, "stop", Finish.error),
        ({"content": None, "refusal": "no"}, "stop", Finish.error),
        ({"content": "I will not", "refusal": "no"}, "stop", Finish.error),
        ({"content": None}, "length", Finish.length),
        ({"content": ""}, "stop", Finish.stop),
    ],
)
def test_no_content_is_an_error_unless_it_was_cut(
    message: dict[str, Any], reason: str, finish: Finish
) -> None:
    one = {"index": 0, "message": message, "finish_reason": reason}
    assert read({"choices": [one]}, answers=1).choices[0].finish is finish
