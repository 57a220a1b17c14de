import os
import signal
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from advdistill.answers import AnswerFormat
from advdistill.errors import StageError
from advdistill.interfaces import Costly
from advdistill.making import PromptsInStep, read_shards, shard_file, shard_files, write_prompts
from advdistill.making_rewards import MakeRewards
from advdistill.records import Finish, Prompt, Response, Reward, Split
from advdistill.tables import read_rows, write_rows
from advdistill.verifier.number import NumberVerifier
from tests.builders import Watched, prompt, response
from tests.hostile import Hostile
from tests.tiny import ANSWER_FORMAT

VERIFIER = NumberVerifier(relative_tolerance=0.0)
PROMPTS = [prompt(f"n/train/{number}", answer=str(number)) for number in range(5)]


@dataclass(frozen=True)
class Wounded:
    """Judges numbers, but dies or raises at an answer that asks for it."""

    def judge(
        self, prompt: Prompt, response: Response, *, answer_format: AnswerFormat
    ) -> list[Reward] | Costly:
        if response.text == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if response.text == "interrupt":
            raise KeyboardInterrupt
        return VERIFIER.judge(prompt, response, answer_format=answer_format)


def two_answers(to: Iterable[Prompt]) -> list[Response]:
    """Return two answers to each prompt: 2, and the number of the prompt."""
    return [
        response(one.prompt_id, sample, text=f"#### {one.answer if sample else 2}")
        for one in to
        for sample in range(2)
    ]


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    folder = tmp_path / "prompts"
    folder.mkdir()
    write_prompts(folder, Split.train, PROMPTS)
    return folder


@pytest.fixture
def responses(tmp_path: Path) -> Path:
    """The folder of two answers to each of 2, 2 and 1 prompts; one of them is cut off."""
    folder = tmp_path / "responses"
    (folder / "shards").mkdir(parents=True)
    shards = [two_answers(PROMPTS[start : start + 2]) for start in (0, 2, 4)]
    shards[2][0] = replace(shards[2][0], finish=Finish.length, text="#### 1")
    for number, rows in enumerate(shards):
        write_rows(shard_file(folder, number), Response, [rows])
    return folder


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    folder = tmp_path / "draft"
    folder.mkdir()
    return folder


@pytest.fixture
def make(prompts: Path, responses: Path) -> MakeRewards:
    return MakeRewards(
        verifier=VERIFIER,
        answer_format=ANSWER_FORMAT,
        prompts=prompts,
        responses=responses,
        processes=1,
    )


def with_texts(make: MakeRewards, number: int, texts: Sequence[str]) -> None:
    """Give the answers of a shard other texts."""
    path = shard_file(make.responses, number)
    rows = read_rows(path, Response)
    write_rows(
        path, Response, [[replace(row, text=text) for row, text in zip(rows, texts, strict=True)]]
    )


@pytest.mark.parametrize("processes", [1, 2])
def test_the_verdicts_sum_to_the_answers(make: MakeRewards, draft: Path, processes: int) -> None:
    watch = Watched()
    meta = replace(make, processes=processes)(draft, watch)
    assert meta["line"] == (
        "10 answers = 6 pass + 3 fail + 0 unparsed + 0 error + 0 timeout + 1 truncated"
    )
    assert meta["answers"] == sum(meta["verdicts"].values()) == 10  # type: ignore[attr-defined]
    assert [len(read_rows(file, Reward)) for file in shard_files(draft)] == [8, 8, 4]
    assert watch.steps == [(1, 3), (2, 3), (3, 3)]
    assert [numbers["truncated"] for _, numbers in watch.reports] == [0.0, 0.0, 0.5]


def test_several_processes_leave_the_same_bytes(make: MakeRewards, tmp_path: Path) -> None:
    found = []
    for processes in (1, 2, 3):
        draft = tmp_path / str(processes)
        draft.mkdir()
        replace(make, processes=processes)(draft, Watched())
        found.append([file.read_bytes() for file in shard_files(draft)])
    assert found[0] == found[1] == found[2]


def test_a_finished_shard_is_not_judged_again(make: MakeRewards, draft: Path) -> None:
    make(draft, Watched())
    before = [file.stat().st_mtime_ns for file in shard_files(draft)]
    shard_file(draft, 1).write_bytes(shard_file(draft, 1).read_bytes()[:-9])
    meta = make(draft, Watched())
    after = [file.stat().st_mtime_ns for file in shard_files(draft)]
    assert [one == other for one, other in zip(before, after, strict=True)] == [True, False, True]
    assert len(read_shards(draft, Reward)) == 2 * int(str(meta["answers"])) == 20


@pytest.mark.parametrize("processes", [1, 2])
def test_answers_that_are_hostile_are_rows_like_any_other(
    make: MakeRewards, draft: Path, processes: int
) -> None:
    texts = ["costly die", "costly divide", "quick awkward", "costly awkward"]
    with_texts(make, 0, texts)
    for number in (1, 2):
        write_rows(shard_file(make.responses, number), Response, [[]])
    hostile = replace(make, verifier=Hostile(seconds=5), processes=processes)
    assert hostile(draft, Watched())["verdicts"]["error"] == 4  # type: ignore[index]
    rewards = read_shards(draft, Reward)
    assert {row.rule for row in rewards} == {"hostile", "total"}
    assert "half a pair: ?b" in str(rewards[-1].detail)


def test_a_judge_that_dies_is_told_and_the_finished_shards_are_kept(
    make: MakeRewards, draft: Path
) -> None:
    with_texts(make, 2, ["#### 1", "die"])
    wounded = replace(make, verifier=Wounded(), processes=2)
    with pytest.raises(StageError, match=r"process of _Judging died: SIGKILL.*give the same"):
        wounded(draft, Watched())
    kept = [file.name for file in shard_files(draft)]
    assert "00002.parquet" not in kept
    assert replace(make, processes=2)(draft, Watched())["answers"] == 10


def test_what_goes_wrong_in_a_process_comes_as_it_is(make: MakeRewards, draft: Path) -> None:
    write_rows(shard_file(make.responses, 1), Response, [[response("other/0")]])
    with pytest.raises(StageError, match="answers 'other/0', which is not among the training"):
        replace(make, processes=2)(draft, Watched())


def test_prompts_are_read_forwards_a_batch_at_a_time(tmp_path: Path) -> None:
    rows = [prompt(f"n/{number}") for number in range(1100)]
    write_prompts(tmp_path, Split.train, rows)
    step = PromptsInStep(tmp_path)
    assert list(step.of(["n/1", "n/0", "n/1"])) == ["n/1", "n/0"]
    assert step.of(["n/511", "n/512"])["n/512"] == rows[512]
    assert list(step.of([])) == []
    assert list(step.of(["n/1099"])) == ["n/1099"]
    with pytest.raises(StageError, match=r"answers 'n/0', which is not among.*in their order"):
        step.of(["n/0"])
