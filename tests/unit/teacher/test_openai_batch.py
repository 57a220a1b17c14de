"""Batches: each answer once, whatever their lines hold, and no batch is submitted twice."""

import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import pytest

from advdistill.answers import AnswerFormat, AnswerStyle
from advdistill.errors import ConfigError, StageError
from advdistill.interfaces import Ask
from advdistill.records import Finish, Response
from advdistill.seeds import sample_seed
from advdistill.teacher.openai_batch import OpenAIBatchTeacher
from tests.builders import prompt, rows_of
from tests.endpoint.batches import BatchStore
from tests.endpoint.script import Fault, Script, answer_of, share_of_faults
from tests.endpoint.server import Server, serve

FORMAT = AnswerFormat(style=AnswerStyle.hash, instruction="Think.", system=None, thinking=None)
TEACHER = OpenAIBatchTeacher(
    name="m",
    model=None,
    revision=None,
    samples=2,
    temperature=1.0,
    top_p=1.0,
    max_tokens=5,
    seed=3,
    logprobs=False,
    request_options={},
    shard_prompts=3,
    url="http://127.0.0.1:1/v1",
    key_variable=None,
    batches=2,
    poll_seconds=0.01,
    deadline_seconds=20,
    retries=3,
    backoff_seconds=0.01,
    prompt_price=None,
    completion_price=None,
)


def asks(first: int, count: int) -> list[Ask]:
    return [
        Ask(prompt=prompt(f"p/train/{n}", question=f"What is {n}?"), samples=range(2))
        for n in range(first, first + count)
    ]


SHARDS = [asks(0, 3), asks(3, 3), asks(6, 1)]


def sampled(
    server: Server, shards: Sequence[Sequence[Ask]] = SHARDS, **changes: object
) -> list[list[Response]]:
    teacher = replace(TEACHER, **{"url": server.url, **changes})
    return list(teacher.sample(iter(shards), answer_format=FORMAT))


def own(row: Response) -> str:
    number = row.prompt_id.rpartition("/")[2]
    seed = sample_seed(3, row.prompt_id, row.sample) % 2**31
    return answer_of(f"What is {number}?\nThink.", seed)


def fault_at(request: str, fault: Fault, *, tries: int = 1) -> Script:
    """Return a script in which the first tries at a request such as `POST /v1/batches` fail."""

    def plan(key: str, number: int) -> Fault | None:
        return fault if key.startswith(f"{request}\x1f") and number < tries else None

    return Script(plan=plan)


def test_rows_come_shard_by_shard_each_with_its_own_answer() -> None:
    with serve() as server:
        shards = sampled(server)
    assert [[(row.prompt_id, row.sample) for row in rows] for rows in shards] == [
        [(f"p/train/{n}", sample) for n, sample in product(numbers, range(2))]
        for numbers in ((0, 1, 2), (3, 4, 5), (6,))
    ]
    for row in rows_of(*shards):
        assert (row.text, row.finish, row.tokens) == (own(row), Finish.stop, 4)
    assert server.batches.submitted == 3


def test_a_line_names_its_prompt_and_sample() -> None:
    with serve() as server:
        sampled(server, [asks(0, 1)])
    lines = [json.loads(line) for line in server.batches.files["file-0"].splitlines()]
    assert [line["custom_id"] for line in lines] == ["p/train/0#0", "p/train/0#1"]
    assert {(line["method"], line["url"]) for line in lines} == {("POST", "/v1/chat/completions")}
    assert lines[1]["body"]["seed"] == sample_seed(3, "p/train/0", 1) % 2**31


def test_no_more_batches_are_under_way_than_allowed() -> None:
    with serve(batches=BatchStore(polls=3)) as server:
        teacher = replace(TEACHER, url=server.url, batches=2)
        stream = teacher.sample([asks(n, 1) for n in range(6)], answer_format=FORMAT)
        next(stream)
        assert server.batches.submitted <= 4
        stream.close()


def test_a_batch_that_was_submitted_before_is_waited_for() -> None:
    """Nothing of the first run is left but what the endpoint knows."""
    with serve(fault_at("GET /v1/batches/batch-1", Fault.error, tries=99)) as server:
        # One at a time, so that batch-1 is the second shard's.
        teacher = replace(TEACHER, url=server.url, batches=1)
        stream = teacher.sample(iter(SHARDS), answer_format=FORMAT)
        first = next(stream)
        with pytest.raises(StageError, match="http 500"):
            next(stream)
        submitted = server.batches.submitted
        server.script = Script()
        again = sampled(server)
    assert submitted == 2
    assert server.batches.submitted == 3
    assert again[0] == first
    assert [row.text for row in rows_of(*again)] == [own(row) for row in rows_of(*again)]


def test_a_batch_of_other_settings_is_another() -> None:
    with serve() as server:
        sampled(server)
        sampled(server, temperature=0.5)
    assert server.batches.submitted == 6


@pytest.mark.parametrize("fault", [Fault.reset, Fault.truncated, Fault.cut])
def test_a_batch_whose_receipt_was_lost_is_not_submitted_twice(fault: Fault) -> None:
    with serve(fault_at("POST /v1/batches", fault)) as server:
        rows = rows_of(*sampled(server, [asks(0, 3)]))
    assert [row.text for row in rows] == [own(row) for row in rows]
    assert server.batches.submitted == 1


@pytest.mark.parametrize("wrong", ["missing", "garbage", "twice", "error"])
def test_a_line_that_is_no_answer_is_asked_for_once_more(wrong: str) -> None:
    with serve(batches=BatchStore(failed_once={"p/train/1#": wrong})) as server:
        rows = rows_of(*sampled(server, [asks(0, 3)]))
    assert [row.text for row in rows] == [own(row) for row in rows]
    assert server.batches.submitted == 2
    assert (
        server.batches.files[server.batches.batches["batch-1"]["input_file_id"]].count(b"\n") == 1
    )


def test_a_line_that_was_not_asked_for_is_left_out() -> None:
    with serve(batches=BatchStore(failed_once={"p/train/1#0": "stray"})) as server:
        rows = rows_of(*sampled(server, [asks(0, 3)]))
    assert [row.text for row in rows] == [own(row) for row in rows]


@pytest.mark.parametrize(("status", "batches"), [(500, 2), (429, 2), (400, 1)])
def test_a_line_that_fails_again_or_is_refused_is_an_error_row(
    status: int, batches: int, caplog: pytest.LogCaptureFixture
) -> None:
    with serve(batches=BatchStore(failed_lines={"p/train/1#": status})) as server:
        rows = rows_of(*sampled(server, [asks(0, 3)]))
    assert [row.finish for row in rows] == [
        Finish.error if row.prompt_id == "p/train/1" else Finish.stop for row in rows
    ]
    assert len(rows) == 6
    assert server.batches.submitted == batches
    assert "2 answers cannot be had (first: p/train/1#0" in caplog.text


def test_when_every_line_fails_the_second_batch_is_another() -> None:
    with serve(batches=BatchStore(failed_once={"p/": "error"})) as server:
        rows = rows_of(*sampled(server, [asks(0, 3)]))
    assert [row.text for row in rows] == [own(row) for row in rows]
    assert server.batches.submitted == 2


@pytest.mark.parametrize("status", [401, 404])
def test_a_line_that_says_that_no_request_can_do_ends_the_stage(status: int) -> None:
    with (
        serve(batches=BatchStore(failed_lines={"p/train/1#": status})) as server,
        pytest.raises(StageError, match=f"answered {status}"),
    ):
        sampled(server, [asks(0, 3)])


def test_a_failed_batch_ends_the_stage() -> None:
    with (
        serve(batches=BatchStore(finals={0: "failed"})) as server,
        pytest.raises(StageError, match=r"batch batch-0 failed .*Invalid model.*settings"),
    ):
        sampled(server, [asks(0, 3)])


@pytest.mark.parametrize("final", ["expired", "cancelled"])
def test_what_a_batch_that_ended_early_left_is_asked_for_in_another(final: str) -> None:
    with serve(batches=BatchStore(finals={0: final})) as server:
        rows = rows_of(*sampled(server, [asks(0, 3)]))
    assert [row.text for row in rows] == [own(row) for row in rows]
    assert server.batches.submitted == 2


def test_after_two_batches_that_ended_early_the_same_command_submits_anew() -> None:
    with serve(batches=BatchStore(finals={0: "expired", 1: "expired"})) as server:
        with pytest.raises(StageError, match=r"not reached by 2 batches.*again"):
            sampled(server, [asks(0, 3)])
        rows = rows_of(*sampled(server, [asks(0, 3)]))
    assert [row.text for row in rows] == [own(row) for row in rows]
    assert server.batches.submitted == 3


def test_with_faults_of_every_kind_each_answer_is_there_once() -> None:
    of_files = (Fault.truncated, Fault.garbage, Fault.shape)  # look like files with lines missing
    kinds = [fault for fault in Fault if fault not in of_files]
    script = Script(plan=share_of_faults(0.3, kinds, most=3))
    shards = [asks(first, 3) for first in range(0, 24, 3)]
    with serve(script, wait_seconds=0, batches=BatchStore(polls=2)) as server:
        rows = rows_of(*sampled(server, shards, deadline_seconds=0.5, retries=5))
    assert [(row.prompt_id, row.sample) for row in rows] == [
        (f"p/train/{n}", sample) for n, sample in product(range(24), range(2))
    ]
    assert [row.text for row in rows] == [own(row) for row in rows]
    assert server.batches.submitted == 8


@pytest.mark.parametrize("shape", ["{}", "[]", '{"data": [1], "id": 4}', '{"data": 3}'])
def test_an_endpoint_without_batches_is_named(shape: str) -> None:
    with (
        serve(status=(200, shape)) as server,
        pytest.raises(StageError, match=f"{server.url} gave no answer.*malformed"),
    ):
        sampled(server, retries=1)


def test_the_ledger_counts_the_tokens_of_the_lines(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "advdistill.endpoint.client")
    with serve() as server:
        sampled(server, [asks(0, 3)], prompt_price=1.0, completion_price=2.0)
    assert "60 prompt and 24 completion tokens, cost 0.0001" in caplog.text


@pytest.mark.parametrize(
    ("name", "value"),
    [("samples", 0), ("batches", 0), ("poll_seconds", 0), ("url", "x"), ("temperature", -1)],
)
def test_settings_out_of_range_are_refused(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=name):
        replace(TEACHER, **{name: value})
