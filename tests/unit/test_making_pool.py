import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from advdistill.answers import AnswerFormat
from advdistill.errors import StageError
from advdistill.making import shard_file, shard_files
from advdistill.making_pool import MakeCheck, MakePrompts, MakeResponses, MakeRewards
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


@dataclass
class ScriptedTeacher:
    """A teacher that gives each prompt its number, then 2, and that can die at a shard."""

    samples: int = 2
    shard_prompts: int = 2
    model: str | None = None
    revision: str | None = None
    dies_at: str | None = None
    silent: bool = False
    asked: list[str] = field(default_factory=list)
    closed: bool = False

    def sources(self) -> Sequence[Path]:
        return []

    def sample(
        self, shards: Iterable[Sequence[Prompt]], *, answer_format: AnswerFormat
    ) -> Iterator[list[Response]]:
        for prompts in shards:
            ids = [one.prompt_id for one in prompts]
            if self.dies_at in ids:
                raise MemoryError
            self.asked.extend(ids)
            yield (
                []
                if self.silent
                else [
                    response(prompt_id, sample, text=f"#### {prompt_id[-1] if sample else 2}")
                    for prompt_id in ids
                    for sample in range(2)
                ]
            )
        self.closed = True


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


def make_responses(teacher: ScriptedTeacher, prompts: Path) -> MakeResponses:
    return MakeResponses(teacher=teacher, answer_format=ANSWER_FORMAT, prompts=prompts)


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


def test_each_shard_is_a_file_in_the_order_of_the_prompts(prompts: Path, draft: Path) -> None:
    teacher, watch = ScriptedTeacher(), Watched()
    meta = make_responses(teacher, prompts)(draft, watch)
    ids = [[row.prompt_id for row in read_rows(file, Response)][::2] for file in shard_files(draft)]
    assert ids == [["n/train/0", "n/train/1"], ["n/train/2", "n/train/3"], ["n/train/4"]]
    assert meta["line"] == "10 answers to 5 prompts = 10 stop + 0 length + 0 error"
    assert watch.steps == [(1, 3), (2, 3), (3, 3)]
    assert [step for step, _ in watch.reports] == [0, 1, 2]
    assert teacher.closed


def test_a_killed_teacher_is_asked_only_for_the_shards_it_had_not_finished(
    prompts: Path, draft: Path
) -> None:
    with pytest.raises(MemoryError):
        make_responses(ScriptedTeacher(dies_at="n/train/3"), prompts)(draft, Watched())
    assert [file.name for file in shard_files(draft)] == ["00000.parquet"]
    teacher, watch = ScriptedTeacher(), Watched()
    meta = make_responses(teacher, prompts)(draft, watch)
    assert teacher.asked == ["n/train/2", "n/train/3", "n/train/4"]
    assert meta["answers"] == 10
    assert [step for step, _ in watch.reports] == [0, 1, 2]


def test_a_torn_shard_or_one_of_other_prompts_is_sampled_again(prompts: Path, draft: Path) -> None:
    whole = ScriptedTeacher()
    make_responses(whole, prompts)(draft, Watched())
    torn = shard_file(draft, 0)
    torn.write_bytes(torn.read_bytes()[:-9])
    write_rows(shard_file(draft, 1), Response, [[response("other/0")]])
    again = ScriptedTeacher()
    make_responses(again, prompts)(draft, Watched())
    assert again.asked == ["n/train/0", "n/train/1", "n/train/2", "n/train/3"]


def test_a_teacher_is_not_started_when_every_shard_is_there(prompts: Path, draft: Path) -> None:
    make_responses(ScriptedTeacher(), prompts)(draft, Watched())
    idle = ScriptedTeacher()
    assert make_responses(idle, prompts)(draft, Watched())["answers"] == 10
    assert not idle.closed


def test_a_teacher_without_any_answer_is_refused(prompts: Path, draft: Path) -> None:
    with pytest.raises(StageError, match="gave no answer to any prompt; wanted some"):
        make_responses(ScriptedTeacher(silent=True), prompts)(draft, Watched())


@pytest.fixture
def responses(prompts: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "responses"
    folder.mkdir()
    make_responses(ScriptedTeacher(), prompts)(folder, Watched())
    cut = read_rows(shard_file(folder, 2), Response)
    cut[0] = replace(cut[0], finish=Finish.length, text="#### 1")
    write_rows(shard_file(folder, 2), Response, [cut])
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
