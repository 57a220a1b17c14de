"""Any local file as a data set: columns by name, splits by hash, bad rows by place."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from advdistill.dataset.jsonl import Jsonl
from advdistill.errors import ConfigError, DataError
from advdistill.records import AnswerKind, Prompt, Split

CONF = Path(__file__).parents[3] / "conf/dataset/gsm8k_recorded.yaml"
PROBLEMS = [{"key": f"p{n}", "question": f"What is {n}?", "gold": n} for n in range(20)]


def write(file: Path, rows: list[dict[str, object]]) -> str:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(file)


def build(train_path: str, **changes: object) -> Jsonl:
    settings = {
        "name": "sums",
        "train_path": train_path,
        "dev_path": None,
        "test_path": None,
        "question_column": "question",
        "answer_column": "gold",
        "id_column": "key",
        "choices_column": None,
        "subject_column": None,
        "kind": AnswerKind.number,
        "train": None,
        "dev": 0,
        "test": None,
        "holdout": 0,
        "seed": 0,
    }
    return Jsonl(**{**settings, **changes})


def test_columns_become_a_prompt(tmp_path: Path):
    row = {"q": "Which?", "a": "B", "options": ["1", "2"], "field": "sums", "key": 7}
    dataset = build(
        write(tmp_path / "a.jsonl", [row]),
        question_column="q",
        answer_column="a",
        choices_column="options",
        subject_column="field",
        kind=AnswerKind.choice,
    )
    assert list(dataset.load()) == [
        Prompt(
            prompt_id="sums/train/7",
            split=Split.train,
            question="Which?",
            answer="B",
            kind=AnswerKind.choice,
            choices=("1", "2"),
            subject="sums",
        )
    ]


def test_rows_without_an_id_column_are_numbered(tmp_path: Path):
    dataset = build(write(tmp_path / "a.jsonl", PROBLEMS[:2]), id_column=None)
    assert [p.prompt_id for p in dataset.load()] == ["sums/train/00000", "sums/train/00001"]


def test_dev_and_holdout_are_taken_out_of_train(tmp_path: Path):
    prompts = list(build(write(tmp_path / "a.jsonl", PROBLEMS), dev=3, holdout=5).load())
    assert Counter(prompt.split for prompt in prompts) == {"test": 5, "dev": 3, "train": 12}
    assert len({prompt.question for prompt in prompts}) == 20
    assert all(prompt.prompt_id.split("/")[1] == prompt.split for prompt in prompts)


def test_splits_do_not_depend_on_the_order_of_the_file(tmp_path: Path):
    forward = build(write(tmp_path / "a.jsonl", PROBLEMS), dev=3, holdout=5, train=6)
    backward = build(write(tmp_path / "b.jsonl", PROBLEMS[::-1]), dev=3, holdout=5, train=6)
    assert set(forward.load()) == set(backward.load())


def test_splits_may_have_files_of_their_own(tmp_path: Path):
    dataset = build(
        write(tmp_path / "train.jsonl", PROBLEMS[11:]),
        dev_path=write(tmp_path / "dev.jsonl", PROBLEMS[9:11]),
        test_path=write(tmp_path / "test.jsonl", PROBLEMS[:9]),
        test=4,
    )
    counts = Counter(prompt.split for prompt in dataset.load())
    assert counts == {"test": 4, "dev": 2, "train": 9}
    assert dataset.sources() == [tmp_path / f"{name}.jsonl" for name in ("test", "dev", "train")]


def test_what_is_tested_is_not_trained_on(tmp_path: Path):
    dataset = build(
        write(tmp_path / "train.jsonl", PROBLEMS),
        dev_path=write(tmp_path / "dev.jsonl", PROBLEMS[5:9]),
        test_path=write(tmp_path / "test.jsonl", PROBLEMS[:7]),
        test=4,
    )
    counts = Counter(prompt.split for prompt in dataset.load())
    assert counts == {"test": 4, "dev": 2, "train": 11}


def test_a_question_under_two_ids_goes_to_one_split(tmp_path: Path):
    twice = [*PROBLEMS, *({**problem, "key": f"again {problem['key']}"} for problem in PROBLEMS)]
    prompts = list(build(write(tmp_path / "a.jsonl", twice), dev=7, holdout=8).load())
    homes: dict[str, set[Split]] = {}
    for prompt in prompts:
        homes.setdefault(prompt.question, set()).add(prompt.split)
    assert all(len(splits) == 1 for splits in homes.values())
    assert Counter(prompt.split for prompt in prompts) == {"test": 8, "dev": 7, "train": 24}
    assert len(prompts) == 39  # the other prompt of the question that filled dev


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"key": "p3"}, r"id 'p3' stands at a\.jsonl:4 and at a\.jsonl:21; wanted every id once"),
        ({"key": ""}, r"a\.jsonl:21: 'key' is empty"),
        ({"question": " "}, r"a\.jsonl:21: 'question' is empty"),
        ({"gold": ""}, r"a\.jsonl:21: 'gold' is empty"),
        ({"gold": None}, r"a\.jsonl:21: 'gold' is None"),
        ({"options": "A B"}, r"a\.jsonl:21: 'options' is 'A B'; wanted a list"),
        ({"options": ["A"]}, r"a\.jsonl:21: 'options' is \['A'\]; wanted a list of at least 2"),
        ({"options": ["A", None]}, r"a\.jsonl:21: 'options\.B' is None; wanted text"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, row: dict[str, object], message: str):
    rows = [{**problem, "options": ["A", "B"]} for problem in PROBLEMS]
    bad = {"key": "bad", "question": "q", "gold": "1", "options": ["A", "B"], **row}
    dataset = build(write(tmp_path / "a.jsonl", [*rows, bad]), choices_column="options")
    with pytest.raises(DataError, match=message):
        list(dataset.load())


@pytest.mark.parametrize("options", [["red", "21"], {"A": "red", "B": "21"}])
@pytest.mark.parametrize(("gold", "letter"), [("B", "B"), (" A ", "A"), ("red", "A"), ("21", "B")])
def test_the_answer_of_a_choice_is_a_letter_or_an_options_text(
    tmp_path: Path, options: object, gold: str, letter: str
):
    row = {**PROBLEMS[0], "gold": gold, "options": options}
    dataset = build(
        write(tmp_path / "a.jsonl", [row]), choices_column="options", kind=AnswerKind.choice
    )
    prompt = next(dataset.load())
    assert (prompt.choices, prompt.answer) == (("red", "21"), letter)


@pytest.mark.parametrize(
    ("gold", "options", "message"),
    [
        ("C", ["red", "blue"], r"a\.jsonl:1: the answer is 'C' and the options are red, blue"),
        ("red", ["red", "red"], "the answer is 'red' and the options are red, red; wanted the lab"),
        (1, ["1", "2"], "'gold' is the number 1, which may count from 0 or from 1; .*the letter"),
    ],
)
def test_an_answer_that_names_no_option_is_refused(
    tmp_path: Path, gold: object, options: list[str], message: str
):
    row = {**PROBLEMS[0], "gold": gold, "options": options}
    dataset = build(
        write(tmp_path / "a.jsonl", [row]), choices_column="options", kind=AnswerKind.choice
    )
    with pytest.raises(DataError, match=message):
        list(dataset.load())


@pytest.mark.parametrize(
    ("rows", "changes", "message"),
    [
        ([], {}, "is empty"),
        (PROBLEMS, {"dev": 19, "holdout": 1}, "test=1 and dev=19 leave none for train"),
        (PROBLEMS, {"dev": 21}, "dev: 21 prompts asked for, 20 there"),
        (PROBLEMS, {"answer_column": "golds"}, "no column 'golds'.*did you mean 'gold'"),
    ],
)
def test_too_few_prompts_and_wrong_columns_are_refused(
    tmp_path: Path, rows: list[dict[str, object]], changes: dict[str, object], message: str
):
    dataset = build(write(tmp_path / "a.jsonl", rows), **changes)
    with pytest.raises(DataError, match=message):
        list(dataset.load())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train": -1}, "none below 0"),
        ({"dev": -1}, "none below 0"),
        ({"holdout": -1}, "none below 0"),
        ({"dev": 1, "dev_path": "b"}, "dev_path are both set; set dev=0"),
        ({"holdout": 1, "test_path": "b"}, "test_path are both set; set holdout=0"),
        ({"test": 1}, "test=1 without test_path; set holdout"),
    ],
)
def test_impossible_settings_are_refused(changes: dict[str, object], message: str):
    with pytest.raises(ConfigError, match=message):
        build("a.jsonl", **changes)


def recorded() -> Jsonl:
    settings = OmegaConf.load(CONF)
    settings.pop("_target_")
    return OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Jsonl), settings))


def test_without_the_data_folder_the_error_names_the_variable(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("ADVDISTILL_DATA", raising=False)
    with pytest.raises(DataError, match="set the environment variable ADVDISTILL_DATA"):
        next(recorded().load())


@pytest.mark.data
@pytest.mark.skipif("ADVDISTILL_DATA" not in os.environ, reason="ADVDISTILL_DATA is not set")
def test_the_recorded_problems_are_all_there():
    prompts = list(recorded().load())
    counts = Counter(prompt.split for prompt in prompts)
    assert counts == {"train": 841, "test": 100}
    trained = {prompt.question for prompt in prompts if prompt.split is Split.train}
    assert len(trained) == 841
