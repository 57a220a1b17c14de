import logging
import multiprocessing
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from advdistill.answers import AnswerFormat, AnswerStyle
from advdistill.interfaces import Costly
from advdistill.judging_ahead import JudgingAhead
from advdistill.making import SHARD_PROMPTS, shard_file, shard_files, write_prompts
from advdistill.making_rewards import MakeRewards
from advdistill.records import Prompt, Response, Reward, Split, Verdict
from advdistill.tables import read_rows, write_rows
from advdistill.verdicts import reward
from advdistill.verifier.number import NumberVerifier
from tests.builders import Watched, prompt, response

pytestmark = pytest.mark.timeout(240)
ANSWER_FORMAT = AnswerFormat(style=AnswerStyle.hash, instruction="", system=None, thinking=None)
VERIFIER = NumberVerifier(relative_tolerance=0.0)
PROMPTS = [prompt(f"n/train/{number}", answer=str(number)) for number in range(SHARD_PROMPTS + 2)]


@dataclass(frozen=True)
class Tallies:
    """Judges numbers, notes each answer in a file, and is late with some while others sample."""

    notes: Path
    late: bool = False

    def judge(
        self, prompt: Prompt, response: Response, *, answer_format: AnswerFormat
    ) -> list[Reward] | Costly:
        with self.notes.open("a") as file:
            file.write(f"{response.prompt_id}\n")
        if self.late and response.prompt_id.endswith("7") and self.busy():
            return [reward(response, "total", Verdict.timeout)]
        return VERIFIER.judge(prompt, response, answer_format=answer_format)

    def busy(self) -> bool:
        return self.notes.with_name("busy").exists()

    def judged(self) -> list[str]:
        return self.notes.read_text().splitlines() if self.notes.exists() else []


@dataclass(frozen=True)
class Dies:
    """A verifier that ends its process where it judges ahead."""

    def judge(
        self, prompt: Prompt, response: Response, *, answer_format: AnswerFormat
    ) -> list[Reward] | Costly:
        if multiprocessing.parent_process() is not None:
            raise SystemExit(3)
        return VERIFIER.judge(prompt, response, answer_format=answer_format)


@pytest.fixture
def ahead(tmp_path: Path) -> JudgingAhead:
    folder = tmp_path / "prompts"
    folder.mkdir()
    write_prompts(folder, Split.train, PROMPTS)
    return JudgingAhead(
        verifier=VERIFIER,
        answer_format=ANSWER_FORMAT,
        prompts=folder,
        folder=tmp_path / "ahead",
    )


@pytest.fixture
def responses(tmp_path: Path) -> Path:
    """The draft of the first shard of the answers."""
    draft = tmp_path / "responses"
    (draft / "shards").mkdir(parents=True)
    write_shard(draft, 0)
    return draft


@pytest.fixture(autouse=True)
def _no_process_is_left() -> Iterator[None]:
    yield
    assert multiprocessing.active_children() == []


def write_shard(draft: Path, number: int) -> None:
    """Write two answers to each prompt of a shard."""
    asked = PROMPTS[number * SHARD_PROMPTS : (number + 1) * SHARD_PROMPTS]
    rows = [
        response(one.prompt_id, sample, text=f"#### {one.answer if sample else 2}")
        for one in asked
        for sample in range(2)
    ]
    write_rows(shard_file(draft, number), Response, [rows])


def judge_ahead(ahead: JudgingAhead, draft: Path) -> None:
    """Let the first shard be judged before the second one is there."""
    with ahead.beside(draft):
        until = time.monotonic() + 120
        while not list(ahead.folder.glob("*.parquet")):
            assert time.monotonic() < until
            time.sleep(0.02)
    write_shard(draft, 1)


def rewards_bytes(ahead: JudgingAhead, responses: Path, draft: Path, *, taken: bool) -> list[bytes]:
    """Return the shards that the stage 'judge' makes with what was judged ahead, or without."""
    draft.mkdir()
    make = MakeRewards(
        verifier=ahead.verifier,
        answer_format=ahead.answer_format,
        prompts=ahead.prompts,
        responses=responses,
        processes=1,
        ahead=ahead.folder if taken else None,
    )
    make(draft, Watched())
    return [file.read_bytes() for file in shard_files(draft)]


@pytest.mark.parametrize("late", [False, True], ids=["in time", "late under load"])
def test_what_was_judged_ahead_is_not_judged_again_unless_it_was_late(
    ahead: JudgingAhead, responses: Path, tmp_path: Path, late: bool
) -> None:
    tallies = Tallies(tmp_path / "notes", late)
    ahead = replace(ahead, verifier=tallies)
    (tmp_path / "busy").touch()
    judge_ahead(ahead, responses)
    (tmp_path / "busy").unlink()
    first, second = PROMPTS[:SHARD_PROMPTS], PROMPTS[SHARD_PROMPTS:]
    assert tallies.judged() == [one.prompt_id for one in first for _ in range(2)]
    tallies.notes.unlink()
    taken = rewards_bytes(ahead, responses, tmp_path / "taken", taken=True)
    again = [one for one in first if one.prompt_id.endswith("7")] if late else []
    assert tallies.judged() == [one.prompt_id for one in [*again, *second] for _ in range(2)]
    assert not ahead.folder.exists()
    assert taken == rewards_bytes(ahead, responses, tmp_path / "anew", taken=False)


def test_answers_that_changed_since_are_judged(
    ahead: JudgingAhead, responses: Path, tmp_path: Path
) -> None:
    judge_ahead(ahead, responses)
    rows = read_rows(shard_file(responses, 0), Response)
    changed = [replace(rows[0], text="#### 0"), *rows[1:]]
    write_rows(shard_file(responses, 0), Response, [changed])
    taken = rewards_bytes(ahead, responses, tmp_path / "taken", taken=True)
    assert taken == rewards_bytes(ahead, responses, tmp_path / "anew", taken=False)


@pytest.mark.parametrize("damage", [lambda whole: whole[:-9], lambda whole: b""], ids=["cut", "0"])
def test_damaged_rewards_are_judged(
    ahead: JudgingAhead, responses: Path, tmp_path: Path, damage
) -> None:
    judge_ahead(ahead, responses)
    [path] = ahead.folder.glob("*.parquet")
    path.write_bytes(damage(path.read_bytes()))
    taken = rewards_bytes(ahead, responses, tmp_path / "taken", taken=True)
    assert taken == rewards_bytes(ahead, responses, tmp_path / "anew", taken=False)


def test_a_shard_that_goes_and_comes_back_is_waited_for(
    ahead: JudgingAhead, responses: Path
) -> None:
    shard_file(responses, 0).unlink()
    with ahead.beside(responses):
        until = time.monotonic() + 120
        while not ahead.folder.exists():
            assert time.monotonic() < until
            time.sleep(0.02)
        write_shard(responses, 0)
        while not list(ahead.folder.glob("*.parquet")):
            assert time.monotonic() < until
            time.sleep(0.02)


def test_judging_that_fails_is_warned_of_and_the_stage_judges_all(
    ahead: JudgingAhead, responses: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ahead = replace(ahead, verifier=Dies())
    with caplog.at_level(logging.WARNING, "advdistill"), ahead.beside(responses):
        while multiprocessing.active_children():
            time.sleep(0.02)
    write_shard(responses, 1)
    [message] = caplog.messages
    assert "exit code 3" in message
    assert "judge_ahead=false" in message
    taken = rewards_bytes(ahead, responses, tmp_path / "taken", taken=True)
    assert taken == rewards_bytes(ahead, responses, tmp_path / "anew", taken=False)


def test_a_pool_of_one_shard_has_no_process_beside_it(ahead: JudgingAhead, responses: Path) -> None:
    write_prompts(ahead.prompts, Split.train, PROMPTS[:SHARD_PROMPTS])
    with ahead.beside(responses):
        assert multiprocessing.active_children() == []
