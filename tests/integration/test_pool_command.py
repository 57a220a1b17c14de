"""The stores of answers, as a person fills them on one machine and uses them on another."""

import json
import re
from pathlib import Path

from advdistill.making import read_shards
from advdistill.pool.looking import stores_below
from advdistill.pool.shards import Stored
from advdistill.pool.store import read_store
from advdistill.records import Response
from tests.integration.runs import SMALL, artefacts, succeed
from tests.integration.test_commands import call, start

_COUNTS = re.compile(rb"(\d+) answers = (\d+) there before \+ (\d+) asked for now \+ (\d+) by")


def only_store(outputs: Path) -> Path:
    """Return the one store of an outputs folder."""
    [folder] = stores_below(outputs / "pool")
    return folder


def rows_in(outputs: Path) -> dict[tuple[str, int], Stored]:
    """Return every answer of the folder's one store by prompt and number."""
    with read_store(only_store(outputs)) as store:
        return {(row.key, row.sample): row for group in store.groups() for row in group}


def test_imported_answers_are_used_and_the_teacher_is_not_asked(
    finished: Path, tmp_path: Path
) -> None:
    outputs, file = tmp_path / "outputs", tmp_path / "answers.jsonl"
    key = only_store(finished).name
    given = ("-o", file, "--format", "jsonl", f"outputs={finished}")
    assert call("pool", "export", key, *given).returncode == 0
    rows = [json.loads(line) for line in file.open()]
    for row in rows:
        row["response"] = f"Imported. {row['response']}"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = call("pool", "import", file, "--format", "jsonl", *SMALL, f"outputs={outputs}")
    assert done.returncode == 0, done.stderr
    assert b"96 answers = 96 added + 0 there already" in done.stdout
    shards = sorted(only_store(outputs).glob("*.parquet"))
    assert "sample" in succeed(outputs).made
    [sample] = artefacts(outputs, "sample")
    texts = [response.text for response in read_shards(sample, Response)]
    assert len(texts) == 96
    assert all(text.startswith("Imported. ") for text in texts)
    assert sorted(only_store(outputs).glob("*.parquet")) == shards
    assert b", used\n" in call("pool", "ls", f"outputs={outputs}").stdout


def test_two_calls_share_the_work_of_filling(finished: Path, tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    given = ("pool", "fill", *SMALL, f"outputs={outputs}")
    calls = [start(*given), start(*given)]
    said = [process.communicate(timeout=240) for process in calls]
    assert [process.returncode for process in calls] == [0, 0], said
    counts = [[int(number) for number in _COUNTS.findall(out)[0]] for out, _ in said]
    assert [total for total, *_ in counts] == [96, 96]
    assert sum(asked for _, _, asked, _ in counts) == 96
    assert rows_in(outputs) == rows_in(finished)
    again = call(*given)
    assert b"96 answers = 96 there before + 0 asked for now + 0 by others" in again.stdout
