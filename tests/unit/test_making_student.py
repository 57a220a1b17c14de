import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from advdistill.answers import AnswerFormat
from advdistill.budget import Budget, BudgetUnit
from advdistill.errors import StageError
from advdistill.examples import PoolFolders
from advdistill.interfaces import (
    Example,
    Objective,
    Packing,
    Sharding,
    Tokenise,
    TrainingJob,
)
from advdistill.making import prompts_file, read_shards, shard_file
from advdistill.making_student import (
    MakeReferences,
    MakeStudent,
    TrainingHow,
)
from advdistill.making_tokens import MakeTokens
from advdistill.making_weights import HEALTH, MakeWeights
from advdistill.records import Finish, Prompt, Reference, Response, Reward, Split, Verdict, Weight
from advdistill.tables import read_rows, write_rows
from advdistill.tokens import tokens_file
from advdistill.verifier.number import NumberVerifier
from advdistill.weighting.uniform import Uniform
from tests.builders import Watched, prompt, response, reward
from tests.contract.components import component
from tests.tiny import ANSWER_FORMAT
from tests.unit.student.students import NO_BUDGET, OBJECTIVE

HOW = TrainingHow(row_tokens=77, packing=Packing.plain, sharding=Sharding.fsdp, compile=True)
VERDICTS = [Verdict.passed, Verdict.failed, Verdict.truncated, Verdict.passed, Verdict.passed]
KEYS = [("n/train/0", 0), ("n/train/0", 1), ("n/train/0", 2), ("n/train/1", 0), ("n/train/1", 1)]


FOLDERS = ("prompts", "responses", "rewards", "weights", "tokens")


@dataclass
class Student:
    """A student that notes what it is given and leaves the counts of a training."""

    seen: list[Example] = field(default_factory=list)
    jobs: list[TrainingJob] = field(default_factory=list)
    cut: int = 0
    model: str = "m"
    revision: str | None = None

    def sources(self) -> Sequence[Path]:
        return []

    def train(
        self,
        objective: Objective,
        examples: Sequence[Example],
        *,
        folder: Path,
        job: TrainingJob,
    ) -> None:
        self.seen.extend(examples)
        self.jobs.append(job)
        counts = {
            "steps": 3,
            "best_step": 2,
            "best_dev_accuracy": 0.5,
            "examples_used": 2,
            "examples_dropped": 1,
            "examples_truncated": self.cut,
        }
        (folder / "training.json").write_text(json.dumps(counts))

    def check(self) -> None:
        """Need nothing."""

    def tokenizer_sources(self) -> Sequence[Path]:
        return []

    def tokeniser(self, answer_format: AnswerFormat) -> Tokenise:
        return lambda prompts, answers: (
            [[*prompt.question.encode()] for prompt in prompts],
            [[*answer.encode()] for answer in answers],
        )

    def refer(self, examples: Sequence[Example], *, job: TrainingJob) -> list[float | None]:
        self.jobs.append(job)
        return [None if one.sample == 2 else -1.0 for one in examples]


@pytest.fixture
def pool(tmp_path: Path) -> PoolFolders:
    """The folders of a pool of five answers to two prompts, one of them truncated."""
    folders = {name: tmp_path / name for name in FOLDERS}
    for folder in folders.values():
        (folder / "shards").mkdir(parents=True)
    train = [prompt(f"n/train/{number}") for number in range(2)]
    write_rows(prompts_file(folders["prompts"], Split.train), Prompt, [train])
    write_rows(prompts_file(folders["prompts"], Split.dev), Prompt, [[]])
    for shard, rows in enumerate((KEYS[:3], KEYS[3:])):
        answers = [response(*key, tokens=3 + key[1]) for key in rows]
        write_rows(shard_file(folders["responses"], shard), Response, [answers])
        verdicts = VERDICTS[KEYS.index(rows[0]) :]
        rewards = [reward(*key, verdict=found) for key, found in zip(rows, verdicts, strict=False)]
        write_rows(shard_file(folders["rewards"], shard), Reward, [rewards])
    made = PoolFolders(**folders)
    make_tokens(made)(made.tokens, Watched())
    return made


def make_tokens(pool: PoolFolders, processes: int = 1) -> MakeTokens:
    return MakeTokens(
        student=Student(),
        answer_format=ANSWER_FORMAT,
        prompts=pool.prompts,
        responses=pool.responses,
        processes=processes,
    )


def make_weights(pool: PoolFolders, budget: Budget = NO_BUDGET) -> MakeWeights:
    return MakeWeights(
        weighting=Uniform(), budget=budget, responses=pool.responses, rewards=pool.rewards
    )


def test_every_answer_has_a_weight_and_unknown_ones_weigh_nothing(pool: PoolFolders) -> None:
    watch = Watched()
    meta = make_weights(pool)(pool.weights, watch)
    rows = read_shards(pool.weights, Weight)
    assert [(row.prompt_id, row.sample, row.value) for row in rows] == [
        (*key, float(key != KEYS[2])) for key in KEYS
    ]
    assert str(meta["line"]).startswith("5 weights = 4 positive + 0 negative + 1 zero")
    assert watch.reports == [(0, meta["health"])]


def test_the_health_of_the_weights_lies_beside_them(pool: PoolFolders) -> None:
    meta = make_weights(pool)(pool.weights, Watched())
    stored = json.loads((pool.weights / HEALTH).read_text())
    assert stored.pop("rights") == {"2": [0, 1, 1]}
    assert stored == meta["health"]
    assert stored["effective_share"] == 1.0
    assert stored["mixed_groups"] == stored["all_right_groups"] == 0.5


def test_a_budget_of_weight_gives_every_prompt_the_same_sum(pool: PoolFolders) -> None:
    make_weights(pool, Budget(unit=BudgetUnit.weight, amount=6.0))(pool.weights, Watched())
    values = [row.value for row in read_shards(pool.weights, Weight)]
    assert values == [3.0, 3.0, 0.0, 3.0, 3.0]


@pytest.mark.parametrize("name", ["softmax", "gdpo"])
def test_a_pool_weighs_the_same_in_any_shards(pool: PoolFolders, tmp_path: Path, name: str) -> None:
    whole = {name: tmp_path / "whole" / name for name in ("responses", "rewards")}
    for folder, record in zip(whole.values(), (Response, Reward), strict=True):
        (folder / "shards").mkdir(parents=True)
        rows = read_shards(getattr(pool, folder.name), record)
        write_rows(shard_file(folder, 0), record, [rows])
    found = []
    for number, folders in enumerate(({}, whole)):
        draft = tmp_path / str(number)
        draft.mkdir()
        make = replace(make_weights(pool), weighting=component("weighting", name), **folders)
        found.append((read_rows_after(make, draft), (draft / HEALTH).read_text()))
    assert found[0] == found[1]


def read_rows_after(make: MakeWeights, draft: Path) -> list[Weight]:
    make(draft, Watched())
    return read_shards(draft, Weight)


@pytest.fixture
def weighted(pool: PoolFolders) -> PoolFolders:
    make_weights(pool)(pool.weights, Watched())
    return pool


def test_examples_hold_each_answer_with_all_that_was_made_of_it(weighted: PoolFolders) -> None:
    found = weighted.examples()
    assert len(found) == 5
    assert [(one.prompt_id, one.sample) for one in found] == KEYS
    assert [found[place] for place in range(-5, 0)] == list(found) == found[:]
    for one in found:
        assert one.tokens.read().tobytes().replace(b"\0", b"") == b"1 + 1?#### 2"
        assert (one.tokens.prompt_tokens, one.tokens.answer_tokens) == (6, 6)
        assert one.ended
        assert one.teacher is None


def test_a_cut_answer_and_the_teachers_log_prob_are_told(weighted: PoolFolders) -> None:
    path = shard_file(weighted.responses, 1)
    one, other = read_rows(path, Response)
    write_rows(path, Response, [[replace(one, finish=Finish.length, logprob_sum=-2.5), other]])
    found = weighted.examples()[3:]
    assert [(one.ended, one.teacher) for one in found] == [(False, -2.5), (True, None)]


def test_tokens_of_another_pool_are_refused(weighted: PoolFolders) -> None:
    tokens_file(weighted.tokens, 1).write_bytes(tokens_file(weighted.tokens, 0).read_bytes())
    with pytest.raises(StageError, match="tokens of 3 answers, or of other ones than the 2"):
        weighted.examples()


def test_tokens_are_made_once_and_alike_by_several_processes(
    weighted: PoolFolders, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    again.mkdir()
    meta = make_tokens(weighted, processes=2)(again, Watched())
    assert meta["line"] == "42 tokens = 12 of 2 prompts + 30 of 5 answers"
    first = tokens_file(again, 0)
    before = first.stat().st_mtime_ns
    torn = tokens_file(again, 1)
    torn.write_bytes(torn.read_bytes()[:-20])
    make_tokens(weighted)(again, Watched())
    assert first.stat().st_mtime_ns == before
    for number in range(2):
        wanted = tokens_file(weighted.tokens, number).read_bytes()
        assert tokens_file(again, number).read_bytes() == wanted


def make_student(student: Student, pool: PoolFolders) -> MakeStudent:
    return MakeStudent(
        student=student,
        objective=OBJECTIVE,
        verifier=NumberVerifier(relative_tolerance=0.0),
        answer_format=ANSWER_FORMAT,
        budget=Budget(unit=BudgetUnit.tokens, amount=9.0),
        pool=pool,
        how=HOW,
        processes=1,
        max_tokens=8,
    )


def test_a_student_sees_every_answer_and_how_it_is_to_be_trained(
    weighted: PoolFolders, tmp_path: Path
) -> None:
    student, watch = Student(), Watched()
    meta = make_student(student, weighted)(tmp_path, watch)
    assert student.seen == list(weighted.examples())
    assert [(one.weight, one.right, one.reference) for one in student.seen] == [
        (1.0, True, None),
        (1.0, False, None),
        (0.0, False, None),
        (1.0, True, None),
        (1.0, True, None),
    ]
    [job] = student.jobs
    assert (job.row_tokens, job.packing, job.sharding) == (77, Packing.plain, Sharding.fsdp)
    assert job.budget == Budget(unit=BudgetUnit.tokens, amount=9.0)
    assert job.validate is None  # there is no dev prompt
    assert job.watch is watch
    assert meta["line"] == (
        "5 examples = 2 trained on + 2 of weight 0 + 1 too long; "
        "3 steps, best dev accuracy 0.5 at step 2"
    )


def test_answers_that_were_cut_are_told(weighted: PoolFolders, tmp_path: Path) -> None:
    meta = make_student(Student(cut=1), weighted)(tmp_path, Watched())
    assert str(meta["line"]).startswith("5 examples = 2 trained on (1 of them cut) + 2 of weight")


def test_a_student_with_dev_prompts_is_checked_on_them(
    weighted: PoolFolders, tmp_path: Path
) -> None:
    dev = prompts_file(weighted.prompts, Split.dev)
    write_rows(dev, Prompt, [[prompt("n/dev/0", split=Split.dev)]])
    student = Student()
    make_student(student, weighted)(tmp_path, Watched())
    assert student.jobs[0].validate is not None


def test_references_are_rows_that_the_examples_hold_afterwards(
    weighted: PoolFolders, tmp_path: Path
) -> None:
    student = Student()
    make = MakeReferences(student=student, answer_format=ANSWER_FORMAT, pool=weighted, how=HOW)
    meta = make(tmp_path, Watched())
    assert meta["line"] == "5 answers = 4 with the base student's log-prob + 1 too long"
    rows = read_shards(tmp_path, Reference)
    assert [(row.prompt_id, row.sample) for row in rows] == KEYS
    examples = replace(weighted, references=tmp_path).examples()
    assert [one.reference for one in examples] == [-1.0, -1.0, None, -1.0, -1.0]
    assert student.jobs[0].row_tokens == 77
    assert student.jobs[0].budget == NO_BUDGET
