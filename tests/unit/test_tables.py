from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advdistill.errors import DataError
from advdistill.records import (
    AnswerKind,
    Finish,
    Item,
    Prompt,
    Response,
    Reward,
    Score,
    Split,
    Verdict,
    Weight,
)
from advdistill.tables import read_batches, read_rows, schema_of, to_rows, to_table, write_rows
from tests.builders import item, prompt, response, reward

ROWS: dict[type, list[Any]] = {
    Prompt: [
        prompt("p/train/0"),
        replace(prompt("p/dev/1"), split=Split.dev, kind=AnswerKind.choice, choices=("a", "b ½")),
        replace(prompt("p/test/2"), choices=(), subject="s", metadata='{"a": 1}'),
    ],
    Response: [
        response("p/train/0", 0),
        replace(response(finish=Finish.length, tokens=None), logprob_sum=-1.5, logprob_mean=-0.5),
        response(finish=Finish.error, text="\n\x00 \u2028 😀"),
    ],
    Reward: [
        *(reward(sample=number, verdict=verdict) for number, verdict in enumerate(Verdict)),
        replace(reward(), answer="2", tier="hash", detail="d"),
    ],
    Weight: [
        Weight(prompt_id="p", sample=3, value=-0.1),
        Weight(prompt_id="p", sample=4, value=0.0),
    ],
    Score: [
        Score(task="t", metric="accuracy", value=0.5, stderr=None, items=2),
        Score(task="t", metric="pass", value=0.25, stderr=1e-300, items=2**40),
    ],
    Item: [item("a"), replace(item("b", Verdict.truncated), answer="7", finish=Finish.length)],
}


@pytest.mark.parametrize("record", ROWS)
def test_rows_are_read_as_they_were_written(record: type, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    assert write_rows(path, record, [ROWS[record], ROWS[record][:1]]) == len(ROWS[record]) + 1
    found = read_rows(path, record)
    assert found == [*ROWS[record], ROWS[record][0]]
    for row, wanted in zip(found, ROWS[record], strict=False):
        for name in schema_of(record).names:
            assert type(getattr(row, name)) is type(getattr(wanted, name))


@pytest.mark.parametrize("record", ROWS)
def test_a_table_of_no_rows_keeps_its_columns(record: type, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    assert write_rows(path, record, []) == 0
    assert read_rows(path, record) == []
    assert to_rows(record, to_table(record, [])) == []


@given(st.text(st.characters(codec="utf-8")), st.floats(allow_nan=False) | st.none())
def test_any_text_and_number_survive(text: str, number: float | None) -> None:
    row = replace(response(text=text), logprob_sum=number)
    assert to_rows(Response, to_table(Response, [row])) == [row]


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\udcff" * 3])
def test_half_a_surrogate_pair_becomes_a_question_mark(text: str, tmp_path: Path) -> None:
    rows = [
        replace(prompt(question=text, answer=f"½{text}"), choices=(text, "😀")),
        replace(prompt("whole"), choices=None),
    ]
    write_rows(tmp_path / "rows.parquet", Prompt, [rows])
    found = read_rows(tmp_path / "rows.parquet", Prompt)
    shown = text.encode(errors="replace").decode()
    assert set(shown) <= set("a?b")
    assert found == [
        replace(rows[0], question=shown, answer=f"½{shown}", choices=(shown, "😀")),
        rows[1],
    ]


def test_batches_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    first, second = [response("a"), response("b")], [response("c")]
    write_rows(path, Response, [first, second])
    assert list(read_batches(path, Response)) == [first, second]


@pytest.mark.parametrize("earlier", [False, True])
def test_a_failure_half_way_leaves_no_half_file(tmp_path: Path, earlier: bool) -> None:
    path = tmp_path / "rows.parquet"
    if earlier:
        write_rows(path, Weight, [ROWS[Weight]])

    def batches() -> Iterator[Sequence[Weight]]:
        yield ROWS[Weight]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_rows(path, Weight, batches())
    assert [file.name for file in tmp_path.iterdir()] == ["rows.parquet"] * earlier
    assert not earlier or read_rows(path, Weight) == ROWS[Weight]


def test_a_file_of_another_record_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    write_rows(path, Weight, [ROWS[Weight]])
    with pytest.raises(DataError) as caught:
        read_rows(path, Score)
    for part in (str(path), "prompt_id", "wanted those of Score", "metric", "delete it"):
        assert part in str(caught.value)


@pytest.mark.parametrize("damage", ["empty", "head", "tail", "middle", "text"])
def test_a_torn_file_is_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "rows.parquet"
    write_rows(path, Response, [[response(str(number)) for number in range(100)]])
    whole = path.read_bytes()
    path.write_bytes(
        {
            "empty": b"",
            "head": whole[: len(whole) // 2],
            "tail": whole[len(whole) // 2 :],
            "middle": whole[:8] + b"\xff" * 200 + whole[208:],
            "text": b"prompt_id,sample\n",
        }[damage]
    )
    with pytest.raises(DataError, match=r"(?s)rows\.parquet: no whole Parquet file .* delete it"):
        read_rows(path, Response)


def test_a_value_that_is_no_member_of_its_enumeration_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    write_rows(path, Response, [[replace(response(), finish="halted")]])  # type: ignore[arg-type]
    with pytest.raises(DataError, match="halted"):
        read_rows(path, Response)


def test_a_missing_file_is_told_apart_from_a_torn_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_rows(tmp_path / "rows.parquet", Weight)


def test_none_is_kept_out_of_a_column_that_needs_a_value(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="null"):
        write_rows(tmp_path / "rows.parquet", Prompt, [[replace(prompt(), answer=None)]])  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())
