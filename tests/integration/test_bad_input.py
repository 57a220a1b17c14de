"""Bad data, models and disks: one message, before work is spent, and nothing stored is harmed."""

import resource
import signal
from pathlib import Path

import pytest

from advdistill.cache import CURVES, read_curves
from tests.integration.runs import (
    ROOT,
    SMALL,
    Call,
    artefacts,
    call,
    copy_of,
    digests,
    folder_of,
    succeed,
)

GOOD = '{"id": "a", "question": "1 + 1?", "answer": "2"}\n'


def only_message(done: Call) -> str:
    """Return the one line that a failed call wrote to standard error."""
    assert done.code == 1, done.err
    assert "Traceback" not in done.err
    [message] = done.messages
    return message


def problems(folder: Path, rows: bytes, *overrides: str) -> Call:
    """Run with these rows as the data set."""
    path = folder / "problems.jsonl"
    path.write_bytes(rows)
    settings = ("dataset=jsonl", "dataset.name=own", f"dataset.train_path={path}")
    return call(folder / "outputs", *SMALL, *settings, *overrides)


def small_files(limit: int):
    """Return a function after which this process can write no file beyond the limit."""

    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return limited


@pytest.mark.parametrize(
    ("rows", "overrides", "words"),
    [
        (b'{"question": "1?", "anwser": "1"}\n', [], ["'answer'", "did you mean 'anwser'?"]),
        (b"", [], ["problems.jsonl is empty", "at least one row"]),
        (b"\n\n", [], ["problems.jsonl is empty", "at least one row"]),
        ((GOOD + GOOD).encode(), ["dataset.id_column=id"], ["id 'a'", "jsonl:1", "jsonl:2"]),
        (GOOD.replace('"2"', '"two"').encode(), [], ["1 gold answers", "own/train/00000"]),
        (GOOD.encode() + b'{"question": "1 +', [], ["problems.jsonl:2", "not valid JSON", "torn"]),
        (GOOD.replace("+", "\xd7").encode("latin-1"), [], ["jsonl:1", "0xd7", "not UTF-8"]),
        (b"[1]\n", [], ["problems.jsonl:1", "one JSON object a line"]),
        (GOOD.encode(), ["dataset.dev=1"], ["leave none for train"]),
    ],
    ids=["column", "empty", "blank", "ids", "gold", "torn", "latin", "list", "split"],
)
def test_a_bad_data_set(
    tmp_path: Path, rows: bytes, overrides: list[str], words: list[str]
) -> None:
    message = only_message(problems(tmp_path, rows, *overrides))
    assert message.startswith("DataError")
    for word in words:
        assert word in message
    assert artefacts(tmp_path / "outputs", "sample") == []


def test_a_missing_data_set(tmp_path: Path) -> None:
    settings = ("dataset=jsonl", "dataset.name=own", "dataset.train_path=nowhere.jsonl")
    message = only_message(call(tmp_path / "outputs", *SMALL, *settings))
    assert message.startswith("ConfigError: dataset: nowhere.jsonl does not exist")


@pytest.mark.parametrize("group", ["teacher", "student"])
def test_a_model_without_tokenizer(tmp_path: Path, group: str) -> None:
    source = ROOT / "advdistill" / "builtin" / "tiny_student"
    model = tmp_path / "model"
    model.mkdir()
    for name in ("config.json", "model.safetensors"):
        (model / name).symlink_to(source / name)
    message = only_message(call(tmp_path / "outputs", *SMALL, f"{group}.model={model}"))
    assert "ConfigError" in message
    for word in (str(model), "no tokenizer.json", "save_pretrained"):
        assert word in message


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (b'{"question": "1 + 2?", "resp', ["answers.jsonl:2", "not valid JSON", "torn"]),
        (b'{"question": "1 + 2?", "response": "3\xff"}\n', ["answers.jsonl:2", "0xff", "UTF-8"]),
        (b'{"question": "1 + 2?", "answer": "3"}\n', ["answers.jsonl:2", "no column 'response'"]),
        (b'{"question": "1 + 2?", "response": 3e999}\n', ["answers.jsonl:2", "'response'", "inf"]),
    ],
    ids=["torn", "bytes", "column", "number"],
)
def test_a_bad_file_of_answers(tmp_path: Path, last: bytes, words: list[str]) -> None:
    answers = tmp_path / "answers.jsonl"
    answers.write_bytes(b'{"question": "1 + 1?", "response": "#### 2"}\n' + last)
    teacher = ("teacher=recorded", f"teacher.path={answers}")
    rows = (GOOD + GOOD.replace("1 + 1", "1 + 2").replace('"2"', '"3"')).encode()
    message = only_message(problems(tmp_path, rows, *teacher))
    assert message.startswith("DataError")
    for word in words:
        assert word in message
    assert artefacts(tmp_path / "outputs", "sample") == []


def test_outputs_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    message = only_message(call(tmp_path / "file" / "outputs", *SMALL))
    assert "Not a directory" in message
    assert "give outputs=FOLDER" in message


@pytest.mark.parametrize(
    ("missing", "overrides", "who"),
    [
        (("judge",), (), "stage 'judge'"),
        (("train",), ("runtime.isolate=true",), "stage 'train'"),
        ((), (), "the run"),
    ],
    ids=["judge", "isolated train", "record"],
)
def test_a_full_disk(
    finished: Path, tmp_path: Path, missing: list[str], overrides: list[str], who: str
) -> None:
    outputs = copy_of(finished, tmp_path, without=missing)
    stored = digests(outputs)
    limit = 20_000 if missing == ("train",) else 0  # 20 kB take the curves, but no checkpoint
    message = only_message(call(outputs, *SMALL, *overrides, before=small_files(limit)))
    assert message.startswith(f"StageError: {who} could not write below {outputs}")
    for word in ("File too large", "free space", "the same command again"):
        assert word in message
    assert digests(outputs) == stored


def test_a_disk_that_was_full_for_a_while(finished: Path, tmp_path: Path) -> None:
    outputs = copy_of(finished, tmp_path, without=["judge"])
    assert call(outputs, *SMALL, before=small_files(50)).code == 1
    assert succeed(outputs).made == ["judge"]
    assert digests(outputs) == digests(finished)
    torn, whole = (read_curves(folder_of(each, "judge") / CURVES) for each in (outputs, finished))
    assert torn == whole


def test_a_loss_that_is_not_finite_keeps_the_last_checkpoint(
    finished: Path, tmp_path: Path
) -> None:
    outputs = copy_of(finished, tmp_path)
    settings = ("student.learning_rate=1e30", "student.eval_every=1", "student.warmup=0.5")
    message = only_message(call(outputs, *SMALL, *settings))
    assert message.startswith("StageError: student: ")
    for word in ("wanted a finite number", "student.learning_rate", "checkpoints"):
        assert word in message
    assert digests(outputs) == digests(finished)
    [*_, last] = sorted(outputs.glob("cache/train/*.draft/checkpoints/step*"))
    assert (last / "manifest.json").is_file()
