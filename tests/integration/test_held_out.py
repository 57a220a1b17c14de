"""Further evaluation sets, and training prompts that share a passage with them."""

import json
from pathlib import Path

from advdistill.records import Prompt, Split
from advdistill.tables import read_rows
from tests.integration.runs import SMALL, artefacts, call, copy_of, folder_of, succeed


def prompts_of(outputs: Path, stage: str, split: Split) -> list[Prompt]:
    return read_rows(folder_of(outputs, stage) / f"{split.value}.parquet", Prompt)


def own_set(folder: Path, questions: list[str]) -> list[str]:
    """Write a data set with these test questions and return the overrides that hold it out."""
    for name, texts in {"train": ["What is 3 + 4?"], "test": questions}.items():
        rows = [json.dumps({"question": text, "answer": "7"}) + "\n" for text in texts]
        (folder / f"{name}.jsonl").write_text("".join(rows))
    return [
        "+dataset@held_out.own=jsonl",
        "held_out.own.name=own",
        f"held_out.own.train_path={folder}/train.jsonl",
        f"held_out.own.test_path={folder}/test.jsonl",
    ]


def test_a_held_out_set_is_evaluated_beside_the_runs_own(finished: Path, tmp_path: Path) -> None:
    outputs = copy_of(finished, tmp_path)
    done = succeed(outputs, *own_set(tmp_path, ["What is 2 + 5?", "What is 1 + 6?"]))
    roles = ("teacher", "base", "student")
    assert done.made == ["load/own", "check/own", *[f"evaluate/{role}/own" for role in roles]]
    assert done.lines["evaluate/student/own"].startswith("2 items = ")
    assert "student, own" in done.out
    assert "Student minus base, own: " in done.out


def test_training_prompts_that_overlap_a_test_set_are_dropped_and_listed(
    finished: Path, tmp_path: Path
) -> None:
    outputs = copy_of(finished, tmp_path)
    before = prompts_of(outputs, "load", Split.train)
    leaked = before[3]
    overrides = own_set(tmp_path, [f"Note well: {leaked.question}", "What is 1 + 6?"])
    done = succeed(outputs, *overrides, "decontaminate=true")
    [folder] = artefacts(outputs, "decontaminate")
    kept = [prompt.prompt_id for prompt in read_rows(folder / "train.parquet", Prompt)]
    rows = [json.loads(line) for line in (folder / "overlaps.jsonl").read_text().splitlines()]
    dropped = {row["train_id"] for row in rows}
    assert leaked.prompt_id in dropped
    assert kept == [p.prompt_id for p in before if p.prompt_id not in dropped]
    assert done.lines["sample"].split(" = ")[0] == f"{4 * len(kept)} answers to {len(kept)} prompts"


def test_a_gold_answer_of_a_held_out_set_is_checked_first(finished: Path, tmp_path: Path) -> None:
    outputs = copy_of(finished, tmp_path)
    overrides = own_set(tmp_path, ["What is 2 + 5?"])
    (tmp_path / "test.jsonl").write_text('{"question": "Who?", "answer": "nobody"}\n')
    done = call(outputs, *SMALL, *overrides)
    assert done.code == 1
    assert "dataset 'own': 1 gold answers do not pass their own verifier" in done.err
    assert "own/test/00000" in done.err
