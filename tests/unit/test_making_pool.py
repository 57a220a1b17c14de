import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from advdistill.making_pool import MakeCheck, MakePrompts
from advdistill.records import Prompt, Split
from advdistill.tables import read_rows
from advdistill.verifier.number import NumberVerifier
from tests.builders import Watched, prompt
from tests.tiny import ANSWER_FORMAT

VERIFIER = NumberVerifier(relative_tolerance=0.0)


@dataclass(frozen=True)
class Numbers:
    """A data set of five training prompts, one of dev and none of test."""

    name: str = "n"

    def load(self) -> Iterator[Prompt]:
        for number in range(5):
            yield prompt(f"n/train/{number}", answer=str(number))
        yield prompt("n/dev/0", split=Split.dev, answer="several")

    def sources(self) -> Sequence[Path]:
        return []


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    folder = tmp_path / "prompts"
    folder.mkdir()
    MakePrompts(dataset=Numbers(), needed=Split.train)(folder, Watched())
    return folder


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    folder = tmp_path / "draft"
    folder.mkdir()
    return folder


def test_every_split_has_its_file_even_an_empty_one(prompts: Path) -> None:
    assert [len(read_rows(prompts / f"{split}.parquet", Prompt)) for split in Split] == [5, 1, 0]


def test_the_counts_of_the_splits_sum_to_the_prompts(draft: Path) -> None:
    meta = MakePrompts(dataset=Numbers(), needed=Split.train)(draft, Watched())
    assert meta == {
        "line": "6 prompts = 5 train + 1 dev + 0 test",
        "prompts": {"train": 5, "dev": 1, "test": 0},
    }


def test_gold_answers_of_every_split_are_checked(prompts: Path, draft: Path) -> None:
    make = MakeCheck(verifier=VERIFIER, answer_format=ANSWER_FORMAT, prompts=prompts, processes=1)
    assert make(draft, Watched()) == {
        "line": "6 gold answers = 5 pass + 1 fail",
        "failed": 1,
        "first": ["n/dev/0"],
    }
    (row,) = map(json.loads, (draft / "failed.jsonl").read_text().splitlines())
    assert (row["prompt_id"], row["answer"], row["verdict"]) == ("n/dev/0", "several", "error")
    assert "'several'" in row["detail"]
