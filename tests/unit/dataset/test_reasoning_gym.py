"""reasoning-gym: any task, disjoint splits, the same problems in every process."""

import json
import os
import subprocess
import sys
from collections import Counter

import pytest
import reasoning_gym

from advdistill.errors import ConfigError, DataError
from advdistill.records import AnswerKind, Prompt
from tests.unit.dataset.building import built, load

SMALL = {"train": 6, "dev": 3, "test": 4}


def drawn(**changes: object) -> list[Prompt]:
    return load("reasoning_gym", **{**SMALL, **changes})


@pytest.fixture(scope="module")
def ladders() -> list[Prompt]:
    """Problems of a task whose draws hang on the process's hash seed."""
    return drawn(task="word_ladder")


def test_splits_have_their_sizes_and_ids(ladders: list[Prompt]):
    assert Counter(prompt.split for prompt in ladders) == SMALL
    assert [prompt.prompt_id for prompt in ladders[:5]] == [
        *(f"reasoning_gym/test/{number:05d}" for number in range(4)),
        "reasoning_gym/dev/00000",
    ]
    assert len({prompt.question for prompt in ladders}) == 13
    assert {(prompt.kind, prompt.subject) for prompt in ladders} == {
        (AnswerKind.text, "word_ladder")
    }


def test_the_metadata_is_what_the_tasks_scorer_needs(ladders: list[Prompt]):
    scorer = reasoning_gym.create_dataset("word_ladder", seed=0, size=1)
    for prompt in ladders:
        metadata = json.loads(prompt.metadata or "")
        assert metadata.keys() == {"task", "entry"}
        assert metadata["task"] == "word_ladder"
        entry = metadata["entry"]
        assert (entry["question"], entry["answer"]) == (prompt.question, prompt.answer)
        assert scorer.score_answer(prompt.answer, entry) == 1.0


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_every_process_draws_the_same(ladders: list[Prompt], hash_seed: str):
    program = (
        "from tests.unit.dataset.test_reasoning_gym import drawn;"
        "print([prompt.question for prompt in drawn(task='word_ladder', dev=0, train=0)])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.strip() == str([prompt.question for prompt in ladders[:4]])


def test_more_training_prompts_leave_every_other_prompt_as_it_is(ladders: list[Prompt]):
    assert drawn(task="word_ladder", train=9)[: len(ladders)] == ladders


def test_another_seed_draws_others(ladders: list[Prompt]):
    others = {prompt.question for prompt in drawn(task="word_ladder", seed=1, dev=0, train=0)}
    assert others.isdisjoint(prompt.question for prompt in ladders)


def test_the_tasks_own_settings_are_handed_on():
    prompts = drawn(config={"min_terms": 6, "max_terms": 6}, train=2, dev=0, test=0)
    assert [prompt.question.count("+") + prompt.question.count("-") for prompt in prompts] == [5, 5]


def test_a_composite_mixes_tasks():
    parts = [{"name": name, "weight": 1, "config": {}} for name in ("chain_sum", "gcd")]
    prompts = drawn(task="composite", config={"datasets": parts}, train=20, dev=0, test=0)
    assert {prompt.subject for prompt in prompts} == {"chain_sum", "gcd"}


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"task": "chain_sums"}, ConfigError, "no such task; did you mean 'chain_sum'"),
        ({"task": "zzz"}, ConfigError, "no such task; there are ab, acre"),
        ({"config": {"min_term": 2}}, ConfigError, "unexpected keyword argument 'min_term'"),
        ({"task": "composite"}, ConfigError, "Must specify at least one dataset"),
        ({"config": {"min_terms": 9}}, ConfigError, "max_terms must be >= min_terms"),
        ({"task": "rush_hour"}, DataError, "'rush_hour' gave 0 new problems with a gold answer"),
        (
            {"task": "tower_of_hanoi", "config": {"min_disks": 3, "max_disks": 3}, "test": 99},
            DataError,
            r"gave \d+ new problems .* for test, and none in the last 1000 draws; ask for fewer",
        ),
    ],
)
def test_a_task_that_cannot_be_drawn_is_refused(changes, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        drawn(**changes)


@pytest.mark.parametrize("name", ["seed", "size"])
def test_seed_and_size_are_no_settings_of_the_task(name: str):
    with pytest.raises(ConfigError, match=f"config sets {name}; .*give dataset.seed"):
        built("reasoning_gym", config={name: 1})


def test_nothing_is_read():
    assert built("reasoning_gym").sources() == []
