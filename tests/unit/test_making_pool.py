import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from advdistill.making import shard_file
from advdistill.making_pool import MakeCheck, MakePrompts, MakeRewards
from advdistill.records import Finish, Prompt, Response, Reward, Split
from advdistill.tables import read_rows, write_rows
from advdistill.verifier.number import NumberVerifier
from tests.builders import Watched, prompt, response
from tests.hostile import Hostile
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


@pytest.fixture
def responses(prompts: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "responses"
    shard_file(folder, 0).parent.mkdir(parents=True)
    for shard, numbers in enumerate(([0, 1], [2, 3], [4])):
        rows = [
            response(f"n/train/{number}", sample, text=f"#### {number if sample else 2}")
            for number in numbers
            for sample in range(2)
        ]
        if shard == 2:
            rows[0] = replace(rows[0], finish=Finish.length, text="#### 1")
        write_rows(shard_file(folder, shard), Response, [rows])
    return folder


def make_rewards(prompts: Path, responses: Path) -> MakeRewards:
    return MakeRewards(
        verifier=VERIFIER,
        answer_format=ANSWER_FORMAT,
        prompts=prompts,
        responses=responses,
        processes=1,
    )


def test_the_verdicts_sum_to_the_answers(prompts: Path, responses: Path, draft: Path) -> None:
    watch = Watched()
    meta = make_rewards(prompts, responses)(draft, watch)
    assert meta["line"] == (
        "10 answers = 6 pass + 3 fail + 0 unparsed + 0 error + 0 timeout + 1 truncated"
    )
    assert meta["answers"] == sum(meta["verdicts"].values()) == 10  # type: ignore[attr-defined]
    assert len(read_rows(draft / "rewards.parquet", Reward)) == 20
    assert watch.steps == [(1, 3), (2, 3), (3, 3)]
    assert [numbers["truncated"] for _, numbers in watch.reports] == [0.0, 0.0, 0.5]


def test_answers_that_are_hostile_are_rows_like_any_other(
    prompts: Path, responses: Path, draft: Path
) -> None:
    shard = read_rows(shard_file(responses, 0), Response)
    texts = ["costly die", "costly divide", "quick awkward", "costly awkward"]
    rows = [replace(row, text=text) for row, text in zip(shard, texts, strict=True)]
    write_rows(shard_file(responses, 0), Response, [rows])
    for number in (1, 2):
        write_rows(shard_file(responses, number), Response, [[]])
    make = replace(make_rewards(prompts, responses), verifier=Hostile(seconds=5))
    assert make(draft, Watched())["verdicts"]["error"] == 4  # type: ignore[index]
    rewards = read_rows(draft / "rewards.parquet", Reward)
    assert {row.rule for row in rewards} == {"hostile", "total"}
    assert "half a pair: ?b" in str(rewards[-1].detail)
