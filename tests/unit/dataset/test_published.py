"""The files of a split are found by name, in a folder of many or in the hub's own layout."""

from pathlib import Path

import pytest

from advdistill.dataset.published import LocalFiles, Published
from advdistill.errors import DataError
from tests.unit.dataset.building import write

ROWS = [{"n": 0}, {"n": 1}]


def published(folder: Path | None, split: str = "train", **changes: object) -> Published:
    settings = {"hub": "a/sums", "subsets": (None,), "revision": "0" * 40, "stem": "sums"}
    name = None if folder is None else str(folder)
    return Published(**{**settings, "split": split, "folder": name, **changes})


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["sums_train.jsonl.gz", "other_train.jsonl.gz"], ["sums_train.jsonl.gz"]),
        (["sums-train.json", "sums_test.json"], ["sums-train.json"]),
        (["sums_train.jsonl", "train.jsonl"], ["sums_train.jsonl"]),
        (["sums_train.jsonl", "sums_train_socratic.jsonl", "sums.jsonl"], ["sums_train.jsonl"]),
        (["train.jsonl", "train_socratic.jsonl", "train.txt"], ["train.jsonl"]),
        (["data/train.parquet", "test.jsonl"], ["data/train.parquet"]),
        (["sums_answers.jsonl"], ["sums_answers.jsonl"]),
        (["data/train-00000-of-00001-a303bca389389dc7.parquet"],) * 2,
        (
            ["train-00001-of-00002.parquet", "train-00000-of-00002.parquet"],
            ["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"],
        ),
    ],
)
def test_the_files_of_a_split_are_found(tmp_path: Path, names: list[str], found: list[str]):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    source = published(tmp_path, others=("sums_answers",))
    assert source.files() == [tmp_path / name for name in found]


@pytest.mark.parametrize("name", ["sums_dev.jsonl", "validation.jsonl", "dev.jsonl"])
def test_dev_is_another_word_for_validation(tmp_path: Path, name: str):
    (tmp_path / name).touch()
    assert published(tmp_path, "validation").files() == [tmp_path / name]


def test_subsets_are_read_one_after_the_other_and_named_in_the_place(tmp_path: Path):
    for subset in ("b", "a"):
        write(tmp_path / subset / "train-00000-of-00001.parquet", ROWS)
    rows = list(published(tmp_path, subsets=("b", "a")).rows())
    assert [row for _, row in rows] == ROWS * 2
    assert [where for where, _ in rows][1:3] == [
        "b/train-00000-of-00001.parquet:2",
        "a/train-00000-of-00001.parquet:1",
    ]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], r"no file of the train split of a/sums; wanted sums_train\.jsonl.*found nothing"),
        (["other_train.jsonl"], r"no file of the train split.*found other_train\.jsonl; name the"),
        (["my_train_set.json"], "no file of the train split"),
        (["a/train.jsonl"], "no file of the train split"),
        (["train.jsonl", "train.jsonl.gz"], r"found train\.jsonl, train\.jsonl\.gz; wanted one"),
        (["train-00000-of-00002.parquet"], "or all shards of one; .*fetch the missing shards"),
        (["train-00000-of-00001.parquet", "train.jsonl"], "wanted one file named train"),
    ],
)
def test_a_split_without_one_clear_file_is_refused(tmp_path: Path, names: list[str], message: str):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(DataError, match=message):
        published(tmp_path, subsets=("a", "b")).files()


def test_a_missing_folder_is_named(tmp_path: Path):
    with pytest.raises(DataError, match=r"absent does not exist.*correct the path"):
        published(tmp_path / "absent").files()


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path):
    file = write(tmp_path / "sums_train.jsonl", ROWS)
    with pytest.raises(DataError, match=rf"is a file; wanted the folder.*dataset\.path={tmp_path}"):
        published(file).files()


def test_the_hub_has_no_local_files():
    assert published(None).files() == []


def test_an_unreachable_hub_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    message = r"'advdistill/absent'.*dataset\.path=FOLDER.*HF_HUB_OFFLINE"
    with pytest.raises(DataError, match=message):
        next(published(None, hub="advdistill/absent").rows())


def test_a_copy_under_the_name_of_a_hub_is_read_subset_by_subset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """`load_dataset` takes a folder where it takes the id of a data set."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    hub = write(tmp_path / "hub/train.jsonl", ROWS).parent
    source = published(None, hub=str(hub), subsets=("default", "default"), revision=None)
    assert [row for _, row in source.rows()] == ROWS * 2
    assert next(where for where, _ in source.rows()) == f"{hub}/default/train:1"


def test_local_files_are_read_in_the_order_given(tmp_path: Path):
    paths = tuple(write(tmp_path / name, ROWS) for name in ("b.jsonl", "a.jsonl"))
    source = LocalFiles(paths=paths)
    assert [where for where, _ in source.rows()][1:3] == ["b.jsonl:2", "a.jsonl:1"]
    assert source.files() == paths
