"""A pool made on a Ray cluster is the engine's own, and Ray ends with the run."""

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import psutil
import pytest
import torch

from advdistill.dataset.quickstart import StoryProblems
from advdistill.digests import settings_of
from advdistill.errors import ConfigError
from advdistill.interfaces import Ask
from advdistill.teacher.ray import RayTeacher
from advdistill.teacher.transformers import TransformersTeacher
from tests.processes import command_line
from tests.unit.engine.scripted import FORMAT, ScriptedTeacher, shards_of, texts

ENGINE = TransformersTeacher(
    model="builtin:tiny_teacher",
    revision=None,
    dtype="float32",
    samples=4,
    temperature=1.0,
    top_p=1.0,
    max_tokens=24,
    seed=0,
    shard_prompts=2,
)
TEACHER = RayTeacher(
    engine=ENGINE,
    address=None,
    workers=2,
    gpus_per_worker=0.0,
    cpus_per_worker=0.5,
    shards_in_flight=2,
    max_losses=3,
    start_seconds=60.0,
)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As many threads as a worker has."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def own_stop() -> Iterator[object]:
    """What this process does at SIGTERM, which is no business of Ray's."""

    def stop(number: int, _: object) -> None:
        raise SystemExit(number)

    before = signal.signal(signal.SIGTERM, stop)
    yield stop
    signal.signal(signal.SIGTERM, before)


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_a_worker_killed_in_the_middle_changes_nothing() -> None:
    before = children()
    shards = asked(8)
    alone = list(ENGINE.sample(shards, answer_format=FORMAT))
    found, killed = [], False
    for rows in TEACHER.sample(shards, answer_format=FORMAT):
        found.append(rows)
        if len(found) >= 2 and not killed:  # all may be between two answers just now
            killed = kill_a_worker_at_work()
    assert killed
    assert texts(found) == texts(alone)
    assert [(row.prompt_id, row.sample) for rows in found for row in rows] == [
        (ask.prompt.prompt_id, sample) for asks in shards for ask in asks for sample in ask.samples
    ]
    assert {row.teacher for rows in found for row in rows} == {"builtin:tiny_teacher"}
    assert set(children()) <= set(before)


@pytest.mark.slow
def test_a_consumer_that_stops_early_leaves_no_process(tmp_path: Path, own_stop: object) -> None:
    before = psutil.Process().children(recursive=True)
    engine = ScriptedTeacher(folder=str(tmp_path), spawns=True)
    answers = replace(TEACHER, engine=engine).sample(shards_of(100), answer_format=FORMAT)
    next(answers)
    below = set(psutil.Process().children(recursive=True)) - set(before)
    assert any(command_line(one).startswith("sleep") for one in below)
    assert signal.getsignal(signal.SIGTERM) is own_stop
    assert subprocess.run(["false"]).returncode == 1  # whoever starts a child learns how it ended
    answers.close()
    assert set(children()) <= set(before)
    assert psutil.wait_procs(below, timeout=10)[1] == []


def test_without_ray_the_message_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"pip install 'advdistill\[ray\]'"):
        next(TEACHER.sample(asked(1), answer_format=FORMAT))


def test_it_is_its_engine_to_everyone_else(tmp_path: Path) -> None:
    assert (TEACHER.samples, TEACHER.shard_prompts, TEACHER.stored) == (4, 2, True)
    assert (TEACHER.model, TEACHER.revision) == (ENGINE.model, ENGINE.revision)
    assert TEACHER.sources() == ENGINE.sources()
    assert TEACHER.members == [(TEACHER, 4)]


def test_its_key_is_made_of_the_engine_alone() -> None:
    elsewhere = RayTeacher(
        engine=replace(ENGINE, shard_prompts=64),
        address="auto",
        workers=None,
        gpus_per_worker=1.0,
        cpus_per_worker=4.0,
        shards_in_flight=8,
        max_losses=0,
        start_seconds=1.0,
    )
    assert settings_of(TEACHER) == settings_of(elsewhere)
    other = replace(TEACHER, engine=replace(ENGINE, seed=1))
    assert settings_of(TEACHER) != settings_of(other)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("workers", 0), ("gpus_per_worker", -1.0), ("cpus_per_worker", 0.0)],
        *[("shards_in_flight", 0), ("max_losses", -1), ("start_seconds", -1.0)],
    ],
)
def test_settings_out_of_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"^{name} is "):
        replace(TEACHER, **{name: value})


@pytest.mark.parametrize("engine", [TEACHER, ScriptedTeacher(folder="", stored=False)])
def test_an_engine_that_is_no_model_is_refused(engine: object) -> None:
    with pytest.raises(ConfigError, match=r"^engine is .*Teacher; wanted one model"):
        replace(TEACHER, engine=engine)


def asked(count: int) -> list[Sequence[Ask]]:
    stories = StoryProblems(
        name="quickstart", seed=0, train=2 * count, dev=0, test=1, min_terms=2, max_terms=5
    )
    asks = (Ask(prompt=prompt, samples=range(4)) for prompt in stories.load())
    return [list(islice(asks, 2)) for _ in range(count)]


def children() -> list[psutil.Process]:
    """Return the processes of Ray below this one."""
    found = psutil.Process().children(recursive=True)
    return [one for one in found if "ray" in command_line(one)]


def workers() -> list[psutil.Process]:
    return [one for one in children() if "ray::Worker" in command_line(one)]


def kill_a_worker_at_work() -> bool:
    """Return whether there was one."""
    for one in workers():
        if "answer" in command_line(one):
            one.send_signal(signal.SIGKILL)
            return True
    return False
