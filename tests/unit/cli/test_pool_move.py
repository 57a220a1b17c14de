"""Answers move between outputs folders and files, and none is lost, changed or added twice."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from advdistill.cli.pool import main
from advdistill.errors import ConfigError, DataError
from advdistill.pool.shards import Stored
from advdistill.records import Finish
from tests.unit.cli.stores import damage, filled, only_store, rows_in, settings, state, write

Said = pytest.CaptureFixture[str]
FILES = {
    "parquet": "x.parquet",
    "jsonl": "x.jsonl.gz",
    "openai-batch": "x.jsonl",
    "lm-eval": "y.jsonl",
}


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    return tmp_path / "outputs"


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return tmp_path / "other"


def export(folder: Path, file: Path, form: str) -> None:
    outputs = folder.parent.parent
    assert (
        main(["export", folder.name, "-o", str(file), "--format", form, f"outputs={outputs}"]) == 0
    )


def take(file: Path, outputs: Path, form: str = "jsonl", *more: str) -> list[Stored]:
    assert main(["import", str(file), "--format", form, *settings(outputs, *more)]) == 0
    return rows_in(only_store(outputs))


def told(rows: Sequence[Stored]) -> list[tuple[object, ...]]:
    return [(row.key, row.sample, row.prompt_id, row.asked, row.text, row.finish) for row in rows]


def test_merging_adds_what_is_missing_and_overwrites_nothing(
    outputs: Path, other: Path, capsys: Said
) -> None:
    filled(outputs, (0, 1))
    source = filled(other, (1, 2))
    more = filled(other, (0,), "teacher.temperature=0.5")
    before, kept = state(other), state(outputs)
    assert main(["merge", str(other), f"outputs={outputs}"]) == 0
    said = capsys.readouterr().out
    assert f"{source.name}  12 answers = 6 added + 6 there already\n" in said
    assert f"{more.name}  6 answers = 6 added + 0 there already\n" in said
    assert "2 stores: 18 answers = 12 added + 6 there already" in said
    assert state(other) == before
    assert state(outputs).items() >= kept.items()
    assert main(["merge", str(other / "pool"), f"outputs={outputs}"]) == 0
    assert "18 answers = 0 added + 18 there already" in capsys.readouterr().out


def test_a_damaged_shard_is_passed_over_and_named(outputs: Path, other: Path, capsys: Said) -> None:
    filled(outputs, (5,))
    torn = damage(filled(other, shards=3))
    before = state(other)
    assert main(["merge", str(other), f"outputs={outputs}"]) == 1
    said = capsys.readouterr()
    assert "8 answers = 8 added + 0 there already; 1 damaged, passed over" in said.out
    assert f"passed over: {torn}: its bytes" in said.err
    assert state(other) == before


@pytest.mark.parametrize(("form", "name"), FILES.items())
def test_what_is_exported_comes_back(
    form: str, name: str, outputs: Path, other: Path, tmp_path: Path, capsys: Said
) -> None:
    source = filled(outputs, (0, 1, 2))
    export(source, tmp_path / name, form)
    found = take(tmp_path / name, other, form)
    assert only_store(other).name == source.name
    assert told(found) == told(rows_in(source))
    assert "18 answers = 18 added + 0 there already + 0 of other" in capsys.readouterr().out
    if form in ("parquet", "jsonl"):
        assert found == rows_in(source)
    assert take(tmp_path / name, other, form) == found
    assert "18 answers = 0 added + 18 there already" in capsys.readouterr().out


def test_a_column_for_every_setting(outputs: Path, tmp_path: Path) -> None:
    source = filled(outputs)
    export(source, tmp_path / "x.parquet", "parquet")
    table = pq.read_table(tmp_path / "x.parquet")
    assert table["setting_temperature"].unique().to_pylist() == [1.0]
    assert table["setting_model"].unique().to_pylist() == ["builtin:tiny_teacher"]
    assert table["setting_revision"].null_count == table.num_rows == 12
    assert table["messages"][0].as_py()[0]["role"] == "user"
    assert list(tmp_path.glob("*.tmp")) == []


def rows(outputs: Path, *answers: str, **columns: object) -> list[dict[str, Any]]:
    first = rows_in(filled(outputs, (0,)))[0]
    question = json.loads(first.asked)[-1]["content"].partition("\n")[0]
    return [{"question": question, "response": answer, **columns} for answer in answers]


def test_rows_without_numbers_are_numbered_in_their_order(
    outputs: Path, other: Path, tmp_path: Path
) -> None:
    file = write(tmp_path / "x.jsonl", rows(outputs, "a", "b", "a"))
    found = take(file, other)
    assert [(row.sample, row.text) for row in found] == [(0, "a"), (1, "b"), (2, "a")]
    assert {row.teacher for row in found} == {"builtin:tiny_teacher"}
    assert {(row.tokens, row.finish, row.logprob_sum) for row in found} == {
        (None, Finish.stop, None)
    }


def test_answers_stand_behind_those_that_are_there(
    outputs: Path, tmp_path: Path, capsys: Said
) -> None:
    given = rows(outputs, "a", "b")
    key = {row.prompt_id for row in rows_in(filled(outputs, (0, 1)))}
    file = write(tmp_path / "x.jsonl", given)
    found = [(row.sample, row.text) for row in take(file, outputs) if row.text in "ab"]
    assert found == [(2, "a"), (3, "b")]
    assert "2 added (2 of them under a later number)" in capsys.readouterr().out
    assert len(take(file, outputs)) == 2 * len(key) + 2
    write(file, [{**one, "sample": 7 + number} for number, one in enumerate(given)])
    assert sorted(row.sample for row in take(file, outputs) if row.text in "ab") == [2, 3, 7, 8]


def test_rows_may_hold_a_group(outputs: Path, other: Path, tmp_path: Path) -> None:
    [row] = rows(outputs, "unused")
    del row["response"]
    answers = ["a", {"response": "b", "tokens": 4, "finish": "length", "logprob_sum": -2.0}]
    found = take(write(tmp_path / "x.jsonl", [{**row, "responses": answers}]), other)
    assert [(one.text, one.tokens, one.finish) for one in found] == [
        ("a", None, Finish.stop),
        ("b", 4, Finish.length),
    ]
    assert found[1].logprob_mean == -0.5


def test_others_are_counted_and_the_first_is_named(
    outputs: Path, other: Path, tmp_path: Path, capsys: Said
) -> None:
    [row] = rows(outputs, "a")
    strange = {"question": "who\x1b?", "response": "me"}
    take(write(tmp_path / "x.jsonl", [row, strange, strange]), other)
    said = capsys.readouterr().out
    assert "3 answers = 1 added + 0 there already + 2 of other prompts" in said
    assert r"(first: x.jsonl:2, question who\x1b?)" in said


def test_an_id_alone_finds_its_prompt_but_never_against_the_text(
    outputs: Path, other: Path, tmp_path: Path
) -> None:
    name = rows_in(filled(outputs))[0].prompt_id
    agrees = {"prompt_id": name, "response": "a"}
    differs = {"prompt_id": name, "question": "another?", "response": "b"}
    asked = {"prompt_id": name, "messages": [{"role": "user", "content": "?"}], "response": "c"}
    found = take(write(tmp_path / "x.jsonl", [agrees, differs, asked]), other)
    assert [(row.prompt_id, row.text) for row in found] == [(name, "a")]


def test_a_batch_gives_what_a_completion_says(outputs: Path, other: Path, tmp_path: Path) -> None:
    name = rows_in(filled(outputs))[0].prompt_id
    content = {"role": "assistant", "content": "so 3", "reasoning_content": "1 + 2"}
    choice = {"message": content, "finish_reason": "length"}
    logprobs = {"content": [{"logprob": -1.0}, {"logprob": -0.5}]}
    body = {
        "model": "m",
        "choices": [{**choice, "logprobs": logprobs}],
        "usage": {"completion_tokens": 2},
    }
    lines = [
        {"custom_id": name, "response": {"status_code": 200, "body": body}, "error": None},
        {"custom_id": name, "response": {"status_code": 500, "body": None}, "error": None},
        {"custom_id": name, "response": None, "error": {"code": "batch_expired"}},
    ]
    [row] = take(write(tmp_path / "x.jsonl", lines), other, "openai-batch")
    assert (row.text, row.finish) == ("<think>\n1 + 2\n</think>\n\nso 3", Finish.length)
    assert (row.tokens, row.logprob_sum, row.logprob_mean) == (2, -1.5, -0.75)
    assert row.teacher == "m"


def test_a_document_that_is_logged_for_two_filters_counts_once(
    outputs: Path, other: Path, tmp_path: Path
) -> None:
    [row] = rows(outputs, "a")
    line = {"doc_id": 0, "doc": {"question": row["question"]}, "resps": [["a", "b"]]}
    lines = [{**line, "filter": name} for name in ("strict-match", "flexible-extract")]
    found = take(write(tmp_path / "x.jsonl", lines), other, "lm-eval")
    assert [row.text for row in found] == ["a", "b"]


@pytest.mark.parametrize(
    ("line", "form", "words"),
    [
        ({"response": "a", "question": "?"}, "jsonl", ["no answer belongs", "question ?"]),
        ({"question": "Q", "respnse": "a"}, "jsonl", ["x.jsonl:1", "no column 'response'"]),
        ({"question": "Q", "response": "a", "tokens": -1}, "jsonl", ["'tokens' is -1"]),
        ({"question": "Q", "response": "a", "finish": "eos"}, "jsonl", ["'finish' is 'eos'"]),
        ({"question": "Q", "response": "a", "logprob_sum": 1}, "jsonl", ["number up to 0"]),
        ({"question": "Q", "response": "a", "messages": "Q"}, "jsonl", ["role and content"]),
        ({"question": "Q", "responses": "a"}, "jsonl", ["wanted a list of answers"]),
        ({"question": "Q", "response": "a", "store": "0"}, "jsonl", ["exported from the store 0"]),
        ({"question": "Q", "response": "a"}, "openai-batch", ["no column 'custom_id'"]),
        ({"question": "Q", "response": "a"}, "lm-eval", ["no column 'doc'"]),
        ({"doc": {}, "resps": [["-1.0", "False"], ["-2"]]}, "lm-eval", ["task that generates"]),
        ({"question": "Q", "response": "a"}, "parquet", ["goes by another format"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_does_not_fit_is_refused_and_touches_nothing(
    line: dict[str, Any], form: str, words: list[str], outputs: Path, other: Path, tmp_path: Path
) -> None:
    [row] = rows(outputs, "a")
    if line.get("question") == "Q":
        line = {**line, "question": row["question"]}
    file = write(tmp_path / "x.jsonl", [line])
    with pytest.raises(DataError) as refused:
        main(["import", str(file), "--format", form, *settings(other)])
    for word in words:
        assert word in str(refused.value)
    assert not other.exists()


def test_a_row_twice_is_refused(outputs: Path, other: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "x.jsonl", rows(outputs, "a", "a", sample=1))
    with pytest.raises(DataError, match=r"stands at x\.jsonl:1, too"):
        take(file, other)
    assert not other.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["import", "a", "b", "--format", "jsonl"], "found 2 files"),
        (["import", "nowhere.jsonl", "--format", "jsonl", "SETTINGS"], "does not exist"),
        (["import", "x", "--format", "jsonl", "teacher=mixture"], "a mixture of 2"),
        (
            ["import", "x", "--format", "jsonl", "teacher=gsm8k_recorded"],
            "kept in no store|does no",
        ),
        (["import", "x", "--format", "jsonl", "teacher.modl=x"], "teacher.modl"),
        (["export", "KEY", "-o", "x.jsonl", "--format", "parquet"], "another format"),
        (["export", "KEY", "-o", "/no/such/x.jsonl", "--format", "jsonl"], "cannot be written"),
        (["export", "no", "-o", "x.jsonl", "--format", "jsonl"], "names 0 of the 1 stores"),
        (["merge", "/no/such"], "holds no store"),
        (["merge", "SELF"], "is this folder itself"),
        (["merge"], "found 0 folders; wanted one other to merge"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_slip_is_told(outputs: Path, arguments: list[str], words: str) -> None:
    swaps = {"KEY": filled(outputs).name, "SELF": str(outputs), "SETTINGS": "dataset=quickstart"}
    given = [swaps.get(one, one) for one in arguments]
    with pytest.raises((ConfigError, DataError, SystemExit), match=words):
        main([*given, f"outputs={outputs}"])
