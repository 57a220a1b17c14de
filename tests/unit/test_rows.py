"""Rows come with their place, and whatever is wrong with them is one clear error."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from advdistill.errors import DataError
from advdistill.records import Split
from advdistill.rows import assign, column, data_files, read_hub, read_rows, text

ROWS = [{"question": f"What is {n}?", "answer": str(n)} for n in range(3)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
KEYS = [f"key {number}" for number in range(200)]


def write(file: Path) -> Path:
    """Write ROWS in the format that the name asks for."""
    if file.suffix == ".parquet":
        parquet.write_table(pa.Table.from_pylist(ROWS), file)
    else:
        file.write_bytes(gzip.compress(LINES) if file.suffix == ".gz" else LINES)
    return file


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.json", "a.parquet"])
def test_every_format_gives_the_same_rows_with_their_places(tmp_path: Path, name: str):
    places, rows = zip(*read_rows(write(tmp_path / name)), strict=True)
    assert places == tuple(f"{name}:{number}" for number in (1, 2, 3))
    assert list(rows) == ROWS


def test_a_folder_is_its_data_files_in_order(tmp_path: Path):
    for name in ("b.jsonl", "a.parquet", "c.jsonl.gz"):
        write(tmp_path / name)
    (tmp_path / "README.md").write_text("no rows")
    places = [where for where, _ in read_rows(tmp_path)]
    assert places[::3] == ["a.parquet:1", "b.jsonl:1", "c.jsonl.gz:1"]
    assert len(places) == 9


def test_blank_lines_and_a_byte_order_mark_are_passed_over(tmp_path: Path):
    file = tmp_path / "a.jsonl"
    file.write_bytes(b'\xef\xbb\xbf{"a": 1}\r\n\r\n{"a": 2}\r\n\n')
    assert list(read_rows(file)) == [("a.jsonl:1", {"a": 1}), ("a.jsonl:3", {"a": 2})]


def test_a_line_separator_inside_a_text_ends_no_line(tmp_path: Path):
    file = tmp_path / "a.jsonl"
    file.write_text('{"a": "x\u2028y\x85z"}\n', encoding="utf-8")
    assert list(read_rows(file)) == [("a.jsonl:1", {"a": "x\u2028y\x85z"})]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b"", r"a\.jsonl is empty"),
        ("a.jsonl", b"\n \n", r"a\.jsonl is empty"),
        ("a.jsonl.gz", gzip.compress(b"", mtime=0), r"a\.jsonl\.gz is empty"),
        ("a.jsonl", LINES[:-9], r"a\.jsonl:3: not valid JSON"),
        ("a.jsonl", LINES + b"{'a': 1}\n", r"a\.jsonl:4: not valid JSON"),
        ("a.jsonl", LINES + b"[" * 100_000, r"a\.jsonl:4: not valid JSON"),
        ("a.jsonl", LINES + b'{"a": ' + b"9" * 5_000 + b"}\n", r"a\.jsonl:4: not valid JSON"),
        ("a.jsonl", b'{"a": "caf\xe9"}\n', r"a\.jsonl:1: byte 0xe9 at column 11 is not UTF-8"),
        ("a.jsonl", LINES + b"[1, 2]\n", r"a\.jsonl:4: found list \[1, 2\]; wanted one JSON obj"),
        ("a.jsonl", b'"text"\n', r"a\.jsonl:1: found str"),
        ("a.jsonl.gz", gzip.compress(LINES, mtime=0)[:-12], r"a\.jsonl\.gz:\d: cannot be read"),
        ("a.jsonl.gz", LINES, r"a\.jsonl\.gz:1: cannot be read"),
        ("a.parquet", b"PAR1", r"a\.parquet:1: cannot be read"),
        ("a.parquet", LINES, r"a\.parquet:1: cannot be read"),
        ("a.csv", b"a,b\n", r"found a\.csv; wanted \.jsonl"),
    ],
)
def test_bad_files_are_named_with_the_line(tmp_path: Path, name: str, content: bytes, message: str):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        list(read_rows(tmp_path / name))


def test_a_torn_gzip_yields_what_comes_before_the_tear(tmp_path: Path):
    file = tmp_path / "a.jsonl.gz"
    lines = b"".join(b'{"a": "%d"}\n' % (n * 7919**3 % 10**9) for n in range(9_999))
    file.write_bytes(gzip.compress(lines)[:-9_000])
    rows = read_rows(file)
    assert next(rows) == ("a.jsonl.gz:1", {"a": "0"})
    with pytest.raises(DataError, match=r"a\.jsonl\.gz:\d{4}: cannot be read"):
        list(rows)


def test_a_parquet_file_without_rows_is_empty(tmp_path: Path):
    parquet.write_table(pa.table({"a": pa.array([], pa.string())}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="is empty"):
        list(read_rows(tmp_path / "a.parquet"))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("absent.jsonl", r"absent\.jsonl does not exist; .*correct the path"),
        (
            "ADVDISTILL_DATA_is_not_set/a.jsonl",
            "does not exist; .*set the environment variable ADVDISTILL_DATA",
        ),
    ],
)
def test_a_missing_path_says_what_to_do(tmp_path: Path, path: str, message: str):
    with pytest.raises(DataError, match=message):
        data_files(tmp_path / path)


def test_a_folder_without_data_says_what_it_holds(tmp_path: Path):
    with pytest.raises(DataError, match="found nothing; wanted"):
        data_files(tmp_path)
    (tmp_path / "README.md").write_text("no rows")
    with pytest.raises(DataError, match=r"found README\.md; wanted"):
        data_files(tmp_path)


def test_the_hub_gives_rows_with_their_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`load_dataset` takes a folder where it takes the id of a data set."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    hub = write(tmp_path / "train.jsonl").parent
    rows = read_hub(str(hub), subset=None, split="train", revision=None, setting="dataset.path")
    assert list(rows) == [(f"{hub}/train:{n}", row) for n, row in enumerate(ROWS, start=1)]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("qestion", r"a:1: no column 'qestion'; found question, answer; did you mean 'question'\?"),
        ("xyz", "no column 'xyz'; found question, answer; name one of these"),
    ],
)
def test_a_missing_column_lists_those_there_are(name: str, message: str):
    with pytest.raises(DataError, match=message):
        column(ROWS[0], name, "a:1")


@pytest.mark.parametrize(
    ("value", "expected"), [("x ", "x "), (18, "18"), (-0.5, "-0.5"), (51.0, "51.0")]
)
def test_text_keeps_text_and_writes_numbers_out(value: object, expected: str):
    assert text({"a": value}, "a", "a:1") == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "a:1: 'a' is None; wanted text"),
        (True, "a:1: 'a' is True; wanted text"),
        (float("nan"), "a:1: 'a' is nan; wanted text"),
        (["x"], r"a:1: 'a' is \['x'\]; wanted text"),
        ("", "a:1: 'a' is empty"),
        (" \n", "a:1: 'a' is empty"),
        ("\ud83d", "a:1: 'a' holds half a character"),
    ],
)
def test_text_refuses_what_is_none(value: object, message: str):
    with pytest.raises(DataError, match=message):
        text({"a": value}, "a", "a:1")


def test_blank_text_passes_where_it_may():
    assert text({"a": ""}, "a", "a:1", blank=True) == ""


def homes(keys: Sequence[str], seed: int = 0, **sizes: int | None) -> dict[str, Split | None]:
    """Return the split of each of some distinct keys."""
    wanted = {Split(name): size for name, size in sizes.items()}
    return dict(zip(keys, assign(keys, wanted, seed=seed), strict=True))


def test_splits_do_not_depend_on_the_order_of_the_keys():
    sizes = {"test": 20, "dev": 10, "train": 50}
    assert homes(KEYS, **sizes) == homes(KEYS[::-1], **sizes)


def test_splits_have_their_sizes_and_train_is_the_rest():
    splits = assign(KEYS, {Split.test: 20, Split.dev: 10, Split.train: None}, seed=0)
    assert [splits.count(split) for split in Split] == [170, 10, 20]


def test_a_split_that_is_not_named_takes_none():
    assert set(assign(KEYS, {Split.test: None}, seed=0)) == {Split.test}
    assert set(assign(KEYS, {Split.dev: 3, Split.train: 0}, seed=0)) == {Split.dev, None}


@pytest.mark.parametrize("split", ["test", "dev", "train"])
def test_a_larger_size_keeps_what_a_smaller_one_chose(split: str):
    few, many = homes(KEYS, **{split: 20}), homes(KEYS, **{split: 90})
    chosen = [{key for key, home in found.items() if home} for found in (few, many)]
    assert chosen[0] < chosen[1]


def test_more_training_rows_leave_the_others_as_they_are():
    few = homes(KEYS, test=20, dev=10, train=50)
    many = homes(KEYS, test=20, dev=10, train=90)
    assert {key: home for key, home in many.items() if few[key]} == {
        key: home for key, home in few.items() if home
    }


def test_a_seed_gives_another_choice():
    assert homes(KEYS, dev=9) != homes(KEYS, dev=9, seed=1)


@given(
    keys=st.lists(st.sampled_from("abcdef"), min_size=1, max_size=30),
    share=st.floats(0, 1),
    seed=st.integers(0, 99),
)
def test_rows_with_one_key_never_go_to_two_splits(keys: list[str], share: float, seed: int):
    size = round(share * len(keys))
    splits = assign(keys, {Split.test: size, Split.dev: None}, seed=seed)
    assert splits.count(Split.test) == size
    for key in set(keys):
        found = {split for split, other in zip(splits, keys, strict=True) if other == key}
        assert len(found - {None}) == 1
    cut = [key for key, split in zip(keys, splits, strict=True) if split is None]
    assert len(set(cut)) <= 1


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"test": 0, "dev": 201, "train": None}, "dev: 201 prompts asked for, 200 there"),
        ({"test": 20, "dev": 10, "train": 171}, "train: 171 prompts asked for, 170 there"),
        ({"test": 150, "dev": 50, "train": None}, "test=150 and dev=50 leave none for train"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(sizes: dict[str, int | None], message: str):
    with pytest.raises(DataError, match=message):
        homes(KEYS, **sizes)
