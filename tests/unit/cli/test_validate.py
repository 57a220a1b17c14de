import json
from pathlib import Path

import pytest

from advdistill.cli.validate import SHOWN, main
from advdistill.errors import ConfigError, DataError

GOOD = {"question": "1 + 1?", "answer": "2"}


def problems(folder: Path, *rows: object) -> list[str]:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return ["dataset=jsonl", "dataset.name=own", f"dataset.train_path={path}"]


def test_the_quickstart_is_valid(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--processes", "1"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith(
        "quickstart: 956 gold answers (256 train + 100 dev + 600 test) = 956 pass + 0 fail"
    )
    assert said.err == ""


def test_neither_model_nor_teacher_is_looked_for(capsys: pytest.CaptureFixture[str]) -> None:
    missing = ["teacher.model=/no/such/folder", "student.model=/no/such/folder"]
    assert main(["dataset=quickstart_small", "outputs=/no/such/folder", *missing]) == 0
    assert "56 gold answers" in capsys.readouterr().out


def test_a_miss_is_told_with_its_id(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = problems(tmp_path, GOOD, {"question": "?", "answer": "none \x1b[mJ"})
    assert main(given) == 1
    said = capsys.readouterr()
    assert "2 gold answers (2 train + 0 dev + 0 test) = 1 pass" in said.out
    assert "own/train/00001" in said.out
    assert r"none \x1b[mJ" in said.out
    assert "\x1b" not in said.out
    assert "wanted at most 0" in said.err
    assert main([*given, "max_unverified=1"]) == 0


def test_the_screen_shows_some_misses_and_the_file_has_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"question": f"{number}?", "answer": "x"} for number in range(SHOWN + 5)]
    out = tmp_path / "misses.jsonl"
    assert main([*problems(tmp_path, *rows), "-o", str(out)]) == 1
    shown = capsys.readouterr().out
    assert shown.count("own/train/") == SHOWN
    assert "and 5 more; all are in the file" in shown
    written = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["id"] for row in written] == [f"own/train/{n:05d}" for n in range(SHOWN + 5)]
    assert set(written[0]) == {"id", "gold", "verdict", "answer", "detail"}
    assert main(problems(tmp_path, *rows)) == 1
    assert "give -o FILE for all" in capsys.readouterr().out


def test_the_sets_that_are_only_evaluated_on_are_checked_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "test.jsonl"
    rows = [{"question": f"{number}?", "answer": "none"} for number in range(2)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    given = ["dataset=quickstart_small", "+dataset@held_out.more=jsonl"]
    given += ["held_out.more.name=more", f"held_out.more.train_path={path}"]
    given += ["held_out.more.holdout=1"]
    assert main(given) == 1
    said = capsys.readouterr()
    assert "quickstart: 56 gold answers" in said.out
    assert "more/test/" in said.out
    assert said.err.startswith("more: 2 gold answers do not pass")


def test_gold_that_cannot_be_read_is_refused_with_its_place(tmp_path: Path) -> None:
    for split in ("train", "test"):
        row = {"question": "?", "answer": "#### 2" if split == "test" else "two"}
        (tmp_path / f"gsm8k_{split}.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(DataError, match=r"train.jsonl:1\b"):
        main(["+experiment=gsm8k_qwen", f"dataset.path={tmp_path}", "dataset.dev=0"])


def test_prompts_that_a_run_would_leave_out_are_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    long = " ".join(f"word{number}" for number in range(20))
    train = [{"question": f"{long} a?", "answer": "1"}, {"question": "b?", "answer": "1"}]
    given = problems(tmp_path, *train)
    test = tmp_path / "test.jsonl"
    test.write_text(json.dumps({"question": f"So: {long} c?", "answer": "1"}) + "\n")
    given.append(f"dataset.test_path={test}")
    assert main(given) == 0
    assert "decontaminate" not in capsys.readouterr().out
    out = tmp_path / "found.jsonl"
    assert main([*given, "decontaminate=true", "-o", str(out)]) == 0
    said = capsys.readouterr().out
    assert "decontaminate: 1 prompts of train and dev share 13 words in a row" in said
    [row] = [json.loads(line) for line in out.read_text().splitlines()]
    assert row["train_id"] == "own/train/00000"
    assert row["held_out_id"] == "own/test/00000"


def test_what_is_no_setting_is_refused() -> None:
    with pytest.raises(ConfigError, match="'gsm8k' is no setting"):
        main(["gsm8k"])


@pytest.mark.data
def test_gsm8k_is_valid(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["+experiment=gsm8k_qwen", f"dataset.path={data}"]) == 0
    assert "8792 gold answers (7273 train + 200 dev + 1319 test) = 8792 pass" in (
        capsys.readouterr().out
    )
