"""GSM8K: stable ids, gold answers, and a dev split that ignores the order of the file."""

import gzip
import json
import os
from collections import Counter
from pathlib import Path

import pytest

from advdistill.dataset.gsm8k import Gsm8k, split_files
from advdistill.errors import ConfigError, DataError
from advdistill.records import Split

PROBLEMS = [
    {"question": f"What is {n}?", "answer": f"Count.\n#### {n:,}"} for n in range(990, 1010)
]
SETTINGS = {
    "name": "gsm8k",
    "hub": "openai/gsm8k",
    "subset": "main",
    "revision": "740312add88f781978c0658806c59bc2815b9866",
    "train": None,
    "dev": 4,
    "test": None,
    "seed": 0,
}


def write(file: Path, rows: list[dict[str, str]]) -> None:
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    file.write_bytes(gzip.compress(lines) if file.suffix == ".gz" else lines)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "gsm8k_train.jsonl.gz", PROBLEMS)
    write(tmp_path / "gsm8k_test.jsonl", PROBLEMS[:5])
    return tmp_path


def build(folder: Path, **changes: object) -> Gsm8k:
    return Gsm8k(**{**SETTINGS, "path": str(folder), **changes})


def test_every_prompt_has_its_row_number_and_gold_answer(folder: Path):
    prompts = list(build(folder).load())
    assert Counter(prompt.split for prompt in prompts) == {"test": 5, "dev": 4, "train": 16}
    for prompt in prompts:
        name, split, number = prompt.prompt_id.split("/")
        assert (name, split) == ("gsm8k", prompt.split)
        assert prompt.question == PROBLEMS[int(number)]["question"]
        assert prompt.answer == str(990 + int(number))


def test_dev_does_not_depend_on_the_order_of_the_file(folder: Path):
    before = {(prompt.question, prompt.split) for prompt in build(folder).load()}
    write(folder / "gsm8k_train.jsonl.gz", PROBLEMS[::-1])
    assert {(prompt.question, prompt.split) for prompt in build(folder).load()} == before


def test_fewer_training_prompts_leave_dev_and_test_as_they_are(folder: Path):
    few, many = list(build(folder, train=3).load()), list(build(folder, train=9).load())
    assert set(few) < set(many)
    assert Counter(prompt.split for prompt in few) == {"test": 5, "dev": 4, "train": 3}


def test_no_test_prompts_need_no_test_file(folder: Path):
    (folder / "gsm8k_test.jsonl").unlink()
    assert {prompt.split for prompt in build(folder, test=0).load()} == {Split.dev, Split.train}


def test_a_local_folder_is_a_source_and_the_hub_is_not(folder: Path):
    assert build(folder).sources() == [folder]
    assert Gsm8k(**SETTINGS, path=None).sources() == []


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["train.jsonl", "train_socratic.jsonl", "test.jsonl"], ["train.jsonl"]),
        (["gsm8k_train.jsonl.gz", "commonsenseqa_train.jsonl.gz"], ["gsm8k_train.jsonl.gz"]),
        (["my_train_set.json", "test.json"], ["my_train_set.json"]),
        (
            ["train-00001-of-00002.parquet", "train-00000-of-00002.parquet"],
            ["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"],
        ),
    ],
)
def test_the_file_of_a_split_is_found(tmp_path: Path, names: list[str], expected: list[str]):
    for name in names:
        (tmp_path / name).touch()
    assert [file.name for file in split_files(tmp_path, Split.train)] == expected


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["test.jsonl"], "files of the train split: none; wanted one"),
        (["train.jsonl", "train.jsonl.gz"], r"train split: train\.jsonl, train\.jsonl\.gz; wanted"),
        (["my_train.jsonl", "your_train.jsonl"], "my_train.*your_train.*name it gsm8k_train"),
    ],
)
def test_a_split_without_one_clear_file_is_refused(tmp_path: Path, names: list[str], message: str):
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(DataError, match=message):
        split_files(tmp_path, Split.train)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"question": "q", "answer": "18"}, r"gsm8k/train/00020 \(gsm8k_train.jsonl.gz:21\)"),
        ({"question": "q", "answer": "so 18\n####"}, "gsm8k/train/00020.*no number after ####"),
        ({"question": "", "answer": "#### 1"}, "jsonl.gz:21: 'question' is empty"),
        ({"Question": "q", "answer": "#### 1"}, "no column 'question'.*did you mean 'Question'"),
    ],
)
def test_a_bad_row_is_named(folder: Path, row: dict[str, str], message: str):
    write(folder / "gsm8k_train.jsonl.gz", [*PROBLEMS, row])
    with pytest.raises(DataError, match=message):
        list(build(folder).load())


@pytest.mark.parametrize("changes", [{"train": 0}, {"train": -1}, {"dev": -1}, {"test": -1}])
def test_sizes_out_of_range_are_refused(folder: Path, changes: dict[str, int]):
    with pytest.raises(ConfigError, match="wanted train >= 1"):
        build(folder, **changes)


def test_an_unreachable_hub_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    absent = Gsm8k(**{**SETTINGS, "hub": "advdistill/absent"}, path=None)
    with pytest.raises(
        DataError, match=r"'advdistill/absent'.*dataset\.path=FOLDER.*HF_HUB_OFFLINE"
    ):
        next(absent.load())


@pytest.mark.data
@pytest.mark.skipif("ADVDISTILL_DATA" not in os.environ, reason="ADVDISTILL_DATA is not set")
def test_the_real_data_set_is_whole():
    prompts = list(build(Path(os.environ["ADVDISTILL_DATA"]), dev=200).load())
    assert Counter(prompt.split for prompt in prompts) == {
        "train": 7473 - 200,
        "dev": 200,
        "test": 1319,
    }
    assert len({prompt.prompt_id for prompt in prompts}) == 7473 + 1319
    assert all(float(prompt.answer).is_integer() for prompt in prompts)
    assert [p.answer for p in prompts if p.prompt_id == "gsm8k/test/00000"] == ["18"]
