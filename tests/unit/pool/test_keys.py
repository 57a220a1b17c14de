"""What answers are kept under."""

from dataclasses import replace
from pathlib import Path

import pytest

from advdistill.answers import AnswerFormat
from advdistill.pool.about import store_folder
from advdistill.pool.keys import questions, store_about
from advdistill.records import Prompt
from advdistill.teacher.ray import RayTeacher
from advdistill.teacher.transformers import TransformersTeacher
from tests.builders import prompt
from tests.tiny import ANSWER_FORMAT

TEACHER = TransformersTeacher(
    model="builtin:tiny_teacher",
    revision=None,
    dtype="float32",
    samples=8,
    temperature=1.0,
    top_p=1.0,
    max_tokens=56,
    seed=0,
    shard_prompts=32,
)


def keys(*prompts: Prompt, answer_format: AnswerFormat = ANSWER_FORMAT) -> list[str]:
    return [one.key for one in questions(lambda: prompts, answer_format)]


def test_the_key_is_that_of_the_text_and_not_of_the_id() -> None:
    one = prompt("a/train/0")
    assert keys(one) == keys(replace(one, prompt_id="b/train/7", answer="another"))
    assert keys(one) != keys(replace(one, question="What is 1 + 1, and why?"))


def test_prompts_that_read_alike_have_keys_of_their_own_in_their_order() -> None:
    one, other = prompt("a"), replace(prompt("b"), question="Something else?")
    first, middle, second, third = keys(
        one, other, replace(one, prompt_id="c"), replace(one, prompt_id="d")
    )
    assert len({first, middle, second, third}) == 4
    assert [first, middle] == keys(one, other)
    assert [first, second] == keys(one, replace(one, prompt_id="z"))


def test_what_is_asked_around_the_question_is_part_of_the_key() -> None:
    asked = replace(ANSWER_FORMAT, instruction="Answer in one word.")
    assert keys(prompt("a")) != keys(prompt("a"), answer_format=asked)


def about(teacher: TransformersTeacher, answer_format: AnswerFormat = ANSWER_FORMAT) -> str:
    return store_folder(Path("pool"), store_about(teacher, answer_format)).name


@pytest.mark.parametrize("change", [{"samples": 16}, {"shard_prompts": 4}], ids=str)
def test_how_many_answers_and_how_they_are_got_change_no_store(change: dict[str, int]) -> None:
    assert about(TEACHER) == about(replace(TEACHER, **change))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    "change",
    [{"temperature": 0.5}, {"seed": 1}, {"max_tokens": 55}, {"model": "builtin:tiny_student"}],
    ids=str,
)
def test_what_changes_an_answer_changes_the_store(change: dict[str, object]) -> None:
    assert about(TEACHER) != about(replace(TEACHER, **change))  # pyright: ignore[reportArgumentType]


def test_an_engine_on_ray_fills_the_store_of_the_engine_alone() -> None:
    ray = RayTeacher(
        engine=TEACHER,
        address=None,
        workers=2,
        gpus_per_worker=0,
        cpus_per_worker=1,
        shards_in_flight=4,
        max_losses=2,
        start_seconds=60,
    )
    assert store_about(ray, ANSWER_FORMAT) == store_about(TEACHER, ANSWER_FORMAT)


def test_the_template_is_part_of_the_store_and_how_answers_are_read_is_not() -> None:
    read = replace(ANSWER_FORMAT, style="boxed")  # pyright: ignore[reportArgumentType]
    assert about(TEACHER) == about(TEACHER, read)
    assert about(TEACHER) != about(TEACHER, replace(ANSWER_FORMAT, thinking=False))
