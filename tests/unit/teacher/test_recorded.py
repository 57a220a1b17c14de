"""Recorded answers find their prompts, keep their order, and are never attached to another one."""

import json
import logging
import os
import re
from collections import Counter
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from advdistill.answers import AnswerFormat, AnswerStyle
from advdistill.errors import ConfigError, DataError
from advdistill.interfaces import EVERY
from advdistill.records import AnswerKind, Finish, Prompt, Response, Split
from advdistill.rows import read_rows
from advdistill.teacher.recorded import RecordedTeacher
from tests.builders import asks

CONF = Path(__file__).parents[3] / "conf/teacher/gsm8k_recorded.yaml"
FORMAT = AnswerFormat(style=AnswerStyle.hash, instruction="", system=None, thinking=None)


def prompt(number: int, split: Split = Split.train) -> Prompt:
    return Prompt(
        prompt_id=f"sums/{split}/{number:05d}",
        split=split,
        question=f"What is {number}?",
        answer=str(number),
        kind=AnswerKind.number,
    )


def row(number: int, response: object = "#### 1", **columns: object) -> dict[str, object]:
    return {"question": f"What is {number}?", "response": response, **columns}


def build(file: Path, rows: list[dict[str, object]], **changes: object) -> RecordedTeacher:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings = {
        "name": "recorded",
        "path": str(file),
        "hub": None,
        "subset": None,
        "revision": None,
        "split": "train",
        "samples": 0,
        "shard_prompts": 2,
        "prompt_id_column": None,
        "question_column": "question",
        "responses_column": None,
        "text_column": "response",
        "teacher_column": None,
        "tokens_column": None,
        "finish_column": None,
        "logprob_sum_column": None,
    }
    return RecordedTeacher(**{**settings, **changes})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a.jsonl"


def answers(teacher: RecordedTeacher, *shards: list[Prompt]) -> list[list[tuple[str, int, str]]]:
    asked = [asks(shard, EVERY) for shard in shards]
    sampled = teacher.sample(asked, answer_format=FORMAT)
    return [[(r.prompt_id[-1], r.sample, r.text) for r in shard] for shard in sampled]


def test_shards_come_in_the_order_asked_for_and_samples_in_the_order_of_the_file(file: Path):
    teacher = build(file, [row(1, "a"), row(2, "b"), row(1, ""), row(3, "c"), row(1, "d")])
    assert answers(teacher, [prompt(3), prompt(1)], [prompt(4)], [prompt(2)]) == [
        [("3", 0, "c"), ("1", 0, "a"), ("1", 1, ""), ("1", 2, "d")],
        [],
        [("2", 0, "b")],
    ]


def test_more_answers_than_asked_for_are_cut(file: Path):
    teacher = build(file, [row(1, "a"), row(2, "b"), row(1, "c"), row(1, "d")], samples=2)
    assert answers(teacher, [prompt(1), prompt(2)]) == [
        [("1", 0, "a"), ("1", 1, "c"), ("2", 0, "b")]
    ]


def test_answers_can_be_asked_for_by_number(file: Path):
    teacher = build(file, [row(1, text) for text in "abcd"])
    (found,) = teacher.sample([asks([prompt(1)], range(1, 3))], answer_format=FORMAT)
    assert [(answer.sample, answer.text) for answer in found] == [(1, "b"), (2, "c")]


def test_shards_are_answered_before_others_are_asked_for_again(file: Path):
    teacher = build(file, [row(1, "a"), row(2, "b")])
    answered: list[str] = []

    def shards():
        yield asks([prompt(1)], EVERY)
        yield None
        assert answered == ["a"]
        yield asks([prompt(2)], EVERY)

    for shard in teacher.sample(shards(), answer_format=FORMAT):
        answered += [answer.text for answer in shard]
    assert answered == ["a", "b"]


def test_the_division_into_shards_changes_nothing(file: Path):
    teacher = build(file, [row(n % 5, str(n)) for n in range(23)], samples=4)
    prompts = [prompt(number) for number in range(5)]
    assert answers(teacher, prompts) == [
        [answer for shard in answers(teacher, prompts[:2], prompts[2:]) for answer in shard]
    ]


def test_every_column_reaches_the_response(file: Path):
    teacher = build(
        file,
        [row(1, "a", who="gpt", count=4, end="length", logprob=-2.0), row(1, "b", who="gpt")],
        teacher_column="who",
        tokens_column="count",
        finish_column="end",
        logprob_sum_column="logprob",
        samples=1,
    )
    assert list(teacher.sample([asks([prompt(1)], EVERY)], answer_format=FORMAT)) == [
        [
            Response(
                prompt_id="sums/train/00001",
                sample=0,
                text="a",
                tokens=4,
                finish=Finish.length,
                logprob_sum=-2.0,
                logprob_mean=-0.5,
                teacher="gpt",
            )
        ]
    ]


def test_what_no_column_gives_is_unknown(file: Path):
    teacher = build(file, [row(1, "a")])
    ((response,),) = teacher.sample([asks([prompt(1)], EVERY)], answer_format=FORMAT)
    assert (response.teacher, response.finish) == ("recorded", Finish.stop)
    assert (response.tokens, response.logprob_sum, response.logprob_mean) == (None, None, None)


@pytest.mark.parametrize("listed", [["a", "b"], [{"response": "a"}, {"response": "b"}]])
def test_a_row_may_hold_a_list_of_answers(file: Path, listed: list[object]):
    teacher = build(file, [{"question": "What is 1?", "all": listed}], responses_column="all")
    assert answers(teacher, [prompt(1)]) == [[("1", 0, "a"), ("1", 1, "b")]]


@pytest.mark.parametrize("recorded", ["00001", "train/00001", "sums/train/00001"])
def test_a_recorded_id_may_lack_its_first_parts(file: Path, recorded: str):
    teacher = build(file, [row(9, "a", id=recorded)], prompt_id_column="id", question_column=None)
    assert answers(teacher, [prompt(1), prompt(2)]) == [[("1", 0, "a")]]


def test_an_id_that_fits_two_prompts_is_refused(file: Path):
    teacher = build(file, [row(1, id="00001")], prompt_id_column="id", question_column=None)
    with pytest.raises(DataError, match="'00001' fits sums/train/00001 and sums/dev/00001"):
        answers(teacher, [prompt(1), prompt(1, Split.dev)])


def test_where_both_columns_are_set_both_must_agree(file: Path):
    rows = [row(1, "right", id="00001"), row(7, "of another split", id="00001")]
    teacher = build(file, rows, prompt_id_column="id")
    assert answers(teacher, [prompt(1)]) == [[("1", 0, "right")]]


def test_rows_of_other_prompts_are_ignored_and_counted(
    file: Path, caplog: pytest.LogCaptureFixture
):
    teacher = build(file, [row(1), row(8), row(9), row(1)])
    with caplog.at_level(logging.INFO):
        answers(teacher, [prompt(1), prompt(2)])
    (record,) = caplog.records
    assert "2 answers to 1 of 2 prompts; 2 rows of other prompts ignored" in record.getMessage()


def test_no_match_at_all_shows_both_sides(file: Path, caplog: pytest.LogCaptureFixture):
    assert answers(build(file, [row(8), row(9)]), [prompt(1)]) == [[]]
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert re.search(
        r"recorded: .*'What is 9\?'.*wanted: .*'What is 1\?'", record.getMessage(), re.DOTALL
    )


def test_no_prompts_are_no_error(file: Path):
    assert answers(build(file, [row(1)])) == []


@pytest.mark.parametrize(
    ("bad", "changes", "message"),
    [
        (row(1, None), {}, r"a\.jsonl:2: 'response' is None"),
        ({"question": "What is 1?"}, {}, r"a\.jsonl:2: no column 'response'; found question"),
        ({"response": "a"}, {}, r"a\.jsonl:2: no column 'question'; found response"),
        (row(1, "a"), {"responses_column": "response"}, "'response' is 'a'; wanted a list"),
        (row(1, [7]), {"responses_column": "response"}, "a.jsonl:2, answer 0: 7; wanted"),
        (row(1, end="eos"), {"finish_column": "end"}, "'end' is 'eos'; wanted stop, length, error"),
        (row(1, end=[1]), {"finish_column": "end"}, r"'end' is \[1\]; wanted stop"),
        (row(1, count=1.5), {"tokens_column": "count"}, "'count' is 1.5; wanted a whole number"),
        (row(1, count=True), {"tokens_column": "count"}, "'count' is True; wanted a whole"),
        (row(1, lp=0.1), {"logprob_sum_column": "lp"}, "'lp' is 0.1; wanted a number up to 0"),
        (row(1, lp=float("nan")), {"logprob_sum_column": "lp"}, "'lp' is nan; wanted a number"),
        (row(1, "\ud83d"), {}, "'response' holds half a character"),
    ],
)
def test_a_bad_row_is_named(
    file: Path, bad: dict[str, object], changes: dict[str, object], message: str
):
    good = {"question": "What is 2?", "response": ["a"] if "responses_column" in changes else "a"}
    teacher = build(file, [good | {"end": None, "count": None, "lp": None}, bad], **changes)
    with pytest.raises(DataError, match=message):
        answers(teacher, [prompt(1), prompt(2)])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"path": None}, "path=None, hub=None; wanted one of them"),
        ({"hub": "a/b"}, "hub=a/b; wanted one of them"),
        ({"path": None, "hub": "a/b"}, "give teacher.revision=COMMIT"),
        ({"samples": -1}, "samples=-1"),
        ({"shard_prompts": 0}, "shard_prompts=0"),
        ({"question_column": None}, "set one, so that answers find their prompts"),
    ],
)
def test_impossible_settings_are_refused(file: Path, changes: dict[str, object], message: str):
    with pytest.raises(ConfigError, match=message):
        build(file, [], **changes)


def test_it_has_no_model_and_names_its_sources(file: Path):
    teacher = build(file, [])
    assert teacher.model is None
    assert teacher.sources() == [file]
    assert build(file, [], path=None, hub="a/b", revision="main").sources() == []


def pinned() -> RecordedTeacher:
    settings = OmegaConf.load(CONF)
    settings.pop("_target_")
    return OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(RecordedTeacher), settings))


def test_without_the_data_folder_the_error_names_the_variable(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("ADVDISTILL_DATA", raising=False)
    with pytest.raises(DataError, match="set the environment variable ADVDISTILL_DATA"):
        answers(pinned(), [prompt(1)])


@pytest.mark.data
@pytest.mark.skipif("ADVDISTILL_DATA" not in os.environ, reason="ADVDISTILL_DATA is not set")
def test_every_recorded_answer_is_found():
    teacher = pinned()
    prompts = [
        Prompt(
            prompt_id=f"gsm8k_recorded/train/{recorded['problem_id']}",
            split=Split.train,
            question=str(recorded["question"]),
            answer=str(recorded["gold"]),
            kind=AnswerKind.number,
        )
        for _, recorded in read_rows(teacher.sources()[0])
    ]
    shards = [asks(prompts[start : start + 32], EVERY) for start in range(0, len(prompts), 32)]
    responses = [r for shard in teacher.sample(shards, answer_format=FORMAT) for r in shard]
    sizes = Counter(Counter(response.prompt_id for response in responses).values())
    assert (len(prompts), len(responses)) == (841, 16805)
    assert sizes == {20: 827, 19: 13, 18: 1}
    assert len({response.teacher for response in responses}) == 20
