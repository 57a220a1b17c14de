"""Answers over HTTP: each its own, once, in order, in bounds, whatever the endpoint does."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

import pytest

from advdistill.answers import AnswerFormat, AnswerStyle
from advdistill.digests import settings_of
from advdistill.errors import ConfigError, StageError
from advdistill.interfaces import Ask
from advdistill.records import Finish, Prompt, Response
from advdistill.seeds import sample_seed
from advdistill.teacher.openai import OpenAITeacher
from tests.builders import prompt, rows_of
from tests.endpoint.script import (
    Fault,
    Script,
    always,
    answer_of,
    first_try,
    share_of_faults,
)
from tests.endpoint.server import Server, serve

FORMAT = AnswerFormat(style=AnswerStyle.hash, instruction="Think.", system=None, thinking=None)
KEY = "sk-do-not-tell-anyone-0123456789"
TEACHER = OpenAITeacher(
    name="m",
    model=None,
    revision="c0ffee",
    samples=4,
    temperature=0.7,
    top_p=0.9,
    max_tokens=5,
    seed=3,
    logprobs=False,
    answers_per_request=1,
    request_options={},
    shard_prompts=3,
    url="http://127.0.0.1:1/v1",
    key_variable=None,
    concurrency=8,
    requests_per_minute=None,
    tokens_per_minute=None,
    deadline_seconds=20,
    retries=3,
    backoff_seconds=0.01,
    prompt_price=None,
    completion_price=None,
)


def asks(first: int, count: int, samples: range = range(4)) -> list[Ask]:
    return [Ask(prompt=one(number), samples=samples) for number in range(first, first + count)]


def one(number: int) -> Prompt:
    return prompt(f"p/train/{number}", question=f"What is {number} + {number}?")


def sampled(
    server: Server,
    shards: Sequence[Sequence[Ask]] | None = None,
    *,
    answer_format: AnswerFormat = FORMAT,
    **changes: object,
) -> list[list[Response]]:
    teacher = replace(TEACHER, **{"url": server.url, **changes})
    given = [asks(0, 3), asks(3, 3), asks(6, 1)] if shards is None else shards
    return list(teacher.sample(iter(given), answer_format=answer_format))


def own(row: Response, *, answers_per_request: int = 1) -> str:
    """The text that belongs to the row."""
    number = int(row.prompt_id.rpartition("/")[2])
    first = row.sample // answers_per_request * answers_per_request
    seed = sample_seed(3, row.prompt_id, first) % 2**31
    return answer_of(f"What is {number} + {number}?\nThink.", seed, row.sample - first)


def text_after_reasking(row: Response) -> set[str]:
    return {own(row, answers_per_request=4), own(row)}


def test_rows_come_shard_by_shard_each_with_its_own_answer() -> None:
    with serve() as server:
        shards = sampled(server)
    assert [[(row.prompt_id, row.sample) for row in rows] for rows in shards] == [
        [(f"p/train/{n}", sample) for n, sample in product(numbers, range(4))]
        for numbers in ((0, 1, 2), (3, 4, 5), (6,))
    ]
    for row in rows_of(*shards):
        assert (row.text, row.finish, row.tokens) == (own(row), Finish.stop, 4)
        assert row.teacher == "m@c0ffee"
        assert (row.logprob_sum, row.logprob_mean) == (None, None)


def test_the_request_says_what_the_settings_say() -> None:
    thinking = replace(FORMAT, thinking=False, system="Be brief.")
    with serve() as server:
        sampled(
            server,
            [asks(0, 1, range(2, 3))],
            answer_format=thinking,
            request_options={"max_tokens": None, "max_completion_tokens": 5, "stop": ["x"]},
        )
    assert server.arrivals[0].body == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "What is 0 + 0?\nThink."},
        ],
        "temperature": 0.7,
        "top_p": 0.9,
        "n": 1,
        "seed": sample_seed(3, "p/train/0", 2) % 2**31,
        "chat_template_kwargs": {"enable_thinking": False},
        "max_completion_tokens": 5,
        "stop": ["x"],
    }


def test_log_probs_are_summed_over_tokens() -> None:
    with serve() as server:
        (row, *_), *_ = sampled(server, logprobs=True)
    assert (row.logprob_sum, row.logprob_mean, row.tokens) == (-0.75, -0.375, 4)


def test_tokens_are_unknown_where_nothing_says() -> None:
    with serve(Script(usage=False)) as server:
        (row, *_), *_ = sampled(server)
    assert row.tokens is None


def test_tokens_of_answers_that_share_a_request_come_from_log_probs_alone() -> None:
    with serve() as server:
        (row, *_), *_ = sampled(server, answers_per_request=2)
        (other, *_), *_ = sampled(server, answers_per_request=2, logprobs=True)
    assert (row.tokens, other.tokens) == (None, 2)


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("stop", Finish.stop),
        ("length", Finish.length),
        *[(reason, Finish.error) for reason in ("content_filter", "tool_calls", None)],
    ],
)
def test_the_reason_to_end_is_mapped(reason: str | None, finish: Finish) -> None:
    with serve(Script(finish=reason)) as server:
        rows = rows_of(*sampled(server))
    assert {row.finish for row in rows} == {finish}


def test_answers_of_one_prompt_share_a_request_where_they_may() -> None:
    with serve() as server:
        rows = rows_of(*sampled(server, answers_per_request=4))
    assert len(server.arrivals) == 7
    assert [row.text for row in rows] == [own(row, answers_per_request=4) for row in rows]


@pytest.mark.parametrize("most", [1, 3])
def test_answers_that_a_server_leaves_out_are_asked_for_one_by_one(most: int) -> None:
    with serve(Script(most_answers=most)) as server:
        rows = rows_of(*sampled(server, answers_per_request=4))
    assert len(server.arrivals) == 7 * (1 + 4 - most)
    assert [row.text for row in rows] == [
        own(row, answers_per_request=4 if row.sample < most else 1) for row in rows
    ]


@pytest.mark.parametrize("samples", [range(4), range(1, 3), range(2, 8), range(7, 8)])
@pytest.mark.parametrize("size", [1, 2, 4])
def test_an_answer_does_not_depend_on_which_others_are_wanted(samples: range, size: int) -> None:
    with serve() as server:
        whole = rows_of(*sampled(server, [asks(0, 1, range(8))], answers_per_request=size))
        part = rows_of(*sampled(server, [asks(0, 1, samples)], answers_per_request=size))
    assert part == [row for row in whole if row.sample in samples]


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.fewer])
def test_after_a_fault_the_answer_is_the_right_one(fault: Fault) -> None:
    script = Script(plan=first_try(fault))
    with serve(script, wait_seconds=0) as server:
        rows = rows_of(*sampled(server, [asks(0, 2)], deadline_seconds=2))
    assert [row.text for row in rows] == [own(row) for row in rows]
    assert len(server.arrivals) == (8 if fault is Fault.slow else 16)


@pytest.mark.parametrize("fault", [Fault.fewer, Fault.twice])
def test_part_of_a_shared_request_is_kept_and_the_rest_asked_for(fault: Fault) -> None:
    with serve(Script(plan=first_try(fault))) as server:
        rows = rows_of(*sampled(server, [asks(0, 2)], answers_per_request=4))
    assert [(row.prompt_id, row.sample) for row in rows] == [
        (f"p/train/{n}", sample) for n, sample in product(range(2), range(4))
    ]
    assert all(row.text in text_after_reasking(row) for row in rows)


@pytest.mark.parametrize(
    ("fault", "seconds", "least"),
    [(Fault.limited, 0.5, 0.5), (Fault.limited_date, 0.5, 0.4), (Fault.limited_bare, 9, 0)],
)
def test_a_retry_waits_as_long_as_it_is_asked_to(
    fault: Fault, seconds: float, least: float
) -> None:
    with serve(Script(plan=first_try(fault)), wait_seconds=seconds) as server:
        sampled(server, [asks(0, 1, range(1))])
    first, second = server.arrivals
    assert least <= second.seconds - first.seconds < least + 5


@pytest.mark.parametrize("fault", [Fault.error, Fault.garbage, Fault.none, Fault.reset, Fault.hang])
def test_a_fault_that_stays_ends_the_stage_and_names_the_endpoint(fault: Fault) -> None:
    with (
        serve(Script(plan=always(fault))) as server,
        pytest.raises(StageError, match=rf"{server.url} gave no answer in 3 tries.*raise retries"),
    ):
        sampled(server, [asks(0, 1, range(1))], retries=2, deadline_seconds=0.2)
    assert len(server.arrivals) == 3


def test_a_server_that_is_not_there_ends_the_stage() -> None:
    with serve() as server:
        pass
    with pytest.raises(StageError, match=rf"{server.url} gave no answer.*connection: Connect"):
        sampled(server, retries=1)


@pytest.mark.parametrize(
    ("status", "text", "wanted"),
    [
        (403, "no", "403.*key_variable"),
        (404, "The model `m` does not exist.", "404.*does not exist.*correct name or url"),
        (400, "unsupported parameter: seed", "400.*unsupported.*request_options"),
        (429, '{"error": {"code": "insufficient_quota"}}', "429.*account is used up"),
        (308, "", "308"),
    ],
)
def test_a_reply_that_no_retry_can_change_ends_the_stage_at_once(
    status: int, text: str, wanted: str
) -> None:
    with (
        serve(status=(status, text)) as server,
        pytest.raises(StageError, match=f"(?s){server.url} answered {wanted}"),
    ):
        sampled(server, [asks(0, 1, range(1))])
    assert len(server.arrivals) == 1


def test_a_wait_of_hours_ends_the_stage() -> None:
    with (
        serve(Script(plan=always(Fault.limited)), wait_seconds=7200) as server,
        pytest.raises(StageError, match=r"asks to wait 7200 s.*later"),
    ):
        sampled(server)


@pytest.mark.parametrize(
    "refusal",
    [
        (400, "This model's maximum context length is 2048 tokens. However, you asked for 9000."),
        (400, '{"error": {"code": "context_length_exceeded"}}'),
        (400, '{"error": {"code": "content_filter"}}'),
        (413, "too large"),
    ],
)
def test_a_prompt_that_is_refused_has_error_rows_and_leaves_the_others_alone(
    refusal: tuple[int, str], caplog: pytest.LogCaptureFixture
) -> None:
    with serve(refusals={"What is 1 +": refusal}) as server:
        rows = rows_of(*sampled(server, [asks(0, 3)]))
    finishes = Counter((row.prompt_id, row.finish) for row in rows)
    assert finishes == {
        ("p/train/0", Finish.stop): 4,
        ("p/train/1", Finish.error): 4,
        ("p/train/2", Finish.stop): 4,
    }
    assert {row.text for row in rows if row.finish is Finish.error} == {""}
    assert "p/train/1 will not be answered" in caplog.text


def test_shards_that_were_yielded_before_the_end_are_whole() -> None:
    with serve(refusals={"What is 6 +": (404, "gone")}) as server:
        teacher = replace(TEACHER, url=server.url, concurrency=1)
        stream = teacher.sample([asks(0, 3), asks(3, 3), asks(6, 3)], answer_format=FORMAT)
        done = [next(stream), next(stream)]
        with pytest.raises(StageError, match="gone"):
            next(stream)
    assert [len(rows) for rows in done] == [12, 12]


def test_the_key_goes_into_the_header_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    script = Script(plan=share_of_faults(0.3))
    with serve(script, key=KEY, wait_seconds=0) as server:
        rows = sampled(server, [asks(0, 2)], key_variable="MY_KEY", deadline_seconds=1, retries=6)
    teacher = replace(TEACHER, key_variable="MY_KEY")
    assert len(rows_of(*rows)) == 8
    assert KEY not in caplog.text + repr(teacher) + repr(settings_of(teacher)) + repr(rows)


@pytest.mark.parametrize(
    "text",
    [
        f"provided: {KEY}",
        f'{{"choices": ["provided: {KEY}"]}}',
        f"provided: {KEY} {'x' * 251}{KEY}",
    ],
)
@pytest.mark.parametrize("status", [200, 400, 401, 500])
def test_a_server_that_repeats_the_key_does_not_get_it_into_an_error(
    status: int, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    with (
        serve(status=(status, text)) as server,
        pytest.raises(StageError, match=rf"{server.url}.*provided: \*\*\*") as caught,
    ):
        sampled(server, key_variable="MY_KEY", retries=0)
    error: BaseException | None = caught.value
    while error is not None:
        assert KEY[:12] not in str(error)
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("key", [None, "", "two words", "sk-ä", "sk-\x07", "a\nb"])
def test_a_variable_without_a_key_is_named_and_its_content_is_not(
    key: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MY_KEY", raising=False)
    if key is not None:
        monkeypatch.setenv("MY_KEY", key)
    with serve() as server, pytest.raises(ConfigError, match=r"MY_KEY.*export MY_KEY") as caught:
        sampled(server, key_variable="MY_KEY")
    assert not key or key not in str(caught.value)
    assert server.arrivals == []


def test_no_more_requests_are_under_way_than_allowed() -> None:
    with serve(delay_seconds=0.05) as server:
        sampled(server, concurrency=3)
    assert server.busiest == 3


def test_requests_of_later_shards_are_under_way_with_those_of_the_first() -> None:
    with serve(delay_seconds=0.5) as server:
        teacher = replace(TEACHER, url=server.url)
        stream = teacher.sample([asks(n, 1, range(2)) for n in range(8)], answer_format=FORMAT)
        next(stream)
        assert len({arrival.body["messages"][0]["content"] for arrival in server.arrivals}) >= 4
        stream.close()


def test_shards_are_not_read_ahead_without_bound() -> None:
    read = []
    with serve(Script(plan=always(Fault.hang))) as server:
        teacher = replace(TEACHER, url=server.url, deadline_seconds=0.3, retries=0)
        shards = (read.append(n) or asks(n, 1) for n in range(100))
        with pytest.raises(StageError):
            next(teacher.sample(shards, answer_format=FORMAT))
    assert len(read) <= 16


def test_none_among_the_shards_is_asked_again_after_one_more_answer() -> None:
    seen: list[str] = []

    def shards() -> Iterator[list[Ask] | None]:
        for number in range(3):
            seen.append(f"asked {number}")
            yield asks(number, 1)
            yield None

    with serve() as server:
        teacher = replace(TEACHER, url=server.url)
        for rows in teacher.sample(shards(), answer_format=FORMAT):
            seen.append(f"got {rows[0].prompt_id}")
    assert seen == [text for n in range(3) for text in (f"asked {n}", f"got p/train/{n}")]


def test_when_the_consumer_stops_early_no_thread_and_no_connection_is_left() -> None:
    before = set(threading.enumerate())
    with serve(delay_seconds=0.05) as server:
        teacher = replace(TEACHER, url=server.url)
        stream = teacher.sample([asks(n, 3) for n in range(9)], answer_format=FORMAT)
        next(stream)
        stream.close()
        assert {thread.name for thread in threading.enumerate()} == {
            *(thread.name for thread in before),
            "faulty",
        }
        until = time.monotonic() + 5
        while server.open_connections and time.monotonic() < until:
            time.sleep(0.01)
        assert server.open_connections == 0
        asked = len(server.arrivals)
    assert asked < 9 * 12


def test_the_ledger_is_one_line_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "advdistill")
    with serve(Script(plan=first_try(Fault.error))) as server:
        sampled(server, [asks(0, 2)], prompt_price=2.0, completion_price=100.0)
    assert caplog.messages == [
        f"{server.url}: 16 requests, 8 of them retries; 8 faults = 8 http 500; "
        "80 prompt and 32 completion tokens, cost 0.0034"
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("samples", 0), ("shard_prompts", 0), ("answers_per_request", 3), ("concurrency", 0)],
        *[("temperature", -1), ("requests_per_minute", 0), ("tokens_per_minute", 0)],
        *[("deadline_seconds", 0), ("retries", -1), ("backoff_seconds", -1), ("max_tokens", 0)],
        *[("url", "127.0.0.1:8000"), ("url", "ftp://x/v1"), ("url", "http://x:y/v1")],
        *[("prompt_price", -1)],
    ],
)
def test_settings_out_of_range_are_refused(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=name):
        replace(TEACHER, **{name: value})


@pytest.mark.parametrize("url", ["https://me:SECRET@x/v1", "https://x/v1?api-key=SECRET"])
def test_a_url_with_a_secret_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ConfigError, match="key_variable") as caught:
        replace(TEACHER, url=url)
    assert "SECRET" not in str(caught.value)


def test_what_says_how_is_in_no_key() -> None:
    moved = replace(TEACHER, url="https://other/v1", concurrency=1, retries=0, prompt_price=1.0)
    assert settings_of(moved) == settings_of(TEACHER)
    for change in ({"name": "n"}, {"revision": "d"}, {"logprobs": True}, {"seed": 4}):
        assert settings_of(replace(TEACHER, **change)) != settings_of(TEACHER)


def test_hundreds_of_requests_with_every_fault_give_each_answer_once() -> None:
    script = Script(plan=share_of_faults(0.2))
    shards = [asks(first, 5) for first in range(0, 75, 5)]
    with serve(script, wait_seconds=0.1) as server:
        rows = rows_of(*sampled(server, shards, concurrency=32, deadline_seconds=1.5, retries=8))
    assert [(row.prompt_id, row.sample) for row in rows] == [
        (f"p/train/{n}", sample) for n, sample in product(range(75), range(4))
    ]
    assert [row.text for row in rows] == [own(row) for row in rows]
    assert set(script.faults) == set(Fault)
