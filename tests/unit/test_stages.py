from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from advdistill import stages
from advdistill.answers import AnswerFormat
from advdistill.errors import DataError, StageError
from advdistill.interfaces import (
    EVERY,
    Ask,
    Example,
    Judge,
    Member,
    RewardGroups,
    TrainingJob,
)
from advdistill.judging import open_judge
from advdistill.records import Item, Prompt, Response, Score, Split, Verdict
from advdistill.student.batches import HeldTokens
from advdistill.verifier.number import NumberVerifier
from tests.builders import Watched, groups, item, prompt, response, reward
from tests.tiny import ANSWER_FORMAT
from tests.unit.student.students import job

NAN = float("nan")


@dataclass(frozen=True)
class Listed:
    """A data set of the prompts it is given."""

    prompts: tuple[Prompt, ...]
    name: str = "listed"

    def load(self) -> Iterator[Prompt]:
        yield from self.prompts

    @property
    def author(self) -> Member:
        return self

    def sources(self) -> Sequence[Path]:
        return []


@dataclass(frozen=True)
class ScriptedTeacher:
    """A teacher that says what it is given, shard by shard."""

    answers: tuple[tuple[Response, ...], ...]
    samples: int = 2
    shard_prompts: int = 1
    model: str | None = None
    revision: str | None = None
    stored: bool = True

    @property
    def members(self) -> Sequence[tuple[Member, int]]:
        return [(self, self.samples)]

    def sources(self) -> Sequence[Path]:
        return []

    def sample(
        self, shards: Iterable[Sequence[Ask] | None], *, answer_format: AnswerFormat
    ) -> Iterator[list[Response]]:
        drawn = (asks for asks in shards if asks is not None)
        for answers in self.answers:
            next(drawn, None)
            yield list(answers)
        list(drawn)


@dataclass(frozen=True)
class FixedWeights:
    weights_PG: NDArray[np.float64]

    def weigh(self, groups: RewardGroups) -> NDArray[np.float64]:
        return self.weights_PG


@dataclass(frozen=True)
class FixedItems:
    items: tuple[Item, ...]
    max_tokens: int = 1
    samples: int = 1

    def check(self) -> None:
        """Need nothing."""

    def evaluate(
        self, model: str, prompts: Sequence[Prompt], **_: Any
    ) -> tuple[list[Score], list[Item]]:
        return [], list(self.items)


def numbers() -> AbstractContextManager[Judge]:
    return open_judge(NumberVerifier(relative_tolerance=0.0), ANSWER_FORMAT, processes=1)


def test_prompts_are_sorted_into_their_splits_in_order() -> None:
    rows = [prompt(f"p/{number}", split=split) for number, split in enumerate([*Split] * 2)]
    loaded = stages.load(Listed(tuple(rows)))
    assert loaded == {split: [row for row in rows if row.split is split] for split in Split}


def test_a_prompt_id_that_occurs_twice_is_refused_even_in_another_split() -> None:
    rows = (prompt("p/0"), prompt("p/1"), prompt("p/0", split=Split.test))
    with pytest.raises(DataError, match=r"'listed': the prompt id 'p/0' occurs twice; wanted"):
        stages.load(Listed(rows))


DEV, TEST = prompt(split=Split.dev), prompt("q", split=Split.test)


@pytest.mark.parametrize(
    ("rows", "needed"), [((), "train"), ((DEV, TEST), "train"), ((), "test"), ((DEV,), "test")]
)
def test_a_data_set_without_the_prompts_that_are_needed_is_refused(
    rows: tuple[Prompt, ...], needed: str
) -> None:
    with pytest.raises(DataError, match=f"'listed' has no {needed} prompt; wanted at least one"):
        stages.load(Listed(rows), needed=Split(needed))


def test_a_data_set_may_lack_what_is_not_needed() -> None:
    assert stages.load(Listed((TEST,)), needed=Split.test)[Split.train] == []


def test_gold_answers_that_do_not_pass_their_own_verifier_are_named() -> None:
    rows = [prompt("good", answer="1,000"), prompt("bad", answer="many"), prompt("2", answer="-3")]
    with numbers() as judge:
        (failed,) = stages.check(judge, rows, answer_format=ANSWER_FORMAT)
    assert (failed[0].prompt_id, failed[1].verdict) == ("bad", Verdict.error)
    assert "'many'" in str(failed[1].detail)


ANSWERS = ((response("a", 4), response("a", 5)), (response("b", 4), response("b", 5)))


def sampled(
    *answers: tuple[Response, ...], samples: range = range(4, 6), stored: bool = True
) -> list[list[Response]]:
    """Return what comes of a teacher that is asked for numbers 4 and 5."""
    teacher = ScriptedTeacher(answers, stored=stored)
    asks = [[Ask(prompt=prompt(name), samples=samples)] for name in "ab"]
    return list(stages.sample(teacher, [asks[0], None, asks[1]], answer_format=ANSWER_FORMAT))


def test_shards_pass_through_in_their_order() -> None:
    assert sampled(*ANSWERS) == [list(shard) for shard in ANSWERS]


@pytest.mark.parametrize(
    ("shard", "named"),
    [
        ((response("b", 4),), "'b', 4"),
        ((response("a", 4), response("a", 4)), "'a', 4"),
        ((response("a", 6),), "'a', 6"),
        ((response("a", 3),), "'a', 3"),
    ],
    ids=["stray", "twice", "beyond", "before"],
)
def test_rows_that_were_not_asked_for_or_come_twice_are_refused(
    shard: tuple[Response, ...], named: str
) -> None:
    with pytest.raises(
        StageError, match=rf"stage 'sample'.*\({named}\).*wanted of each of 1 prompts"
    ):
        sampled(shard, ANSWERS[1])


def test_an_answer_that_is_missing_is_named() -> None:
    with pytest.raises(StageError, match=r"gave 1 answers of 2 \(first prompt: a\); wanted a row"):
        sampled(ANSWERS[0][:1], ANSWERS[1])


def test_a_teacher_of_recorded_answers_may_give_any_number() -> None:
    many = tuple(response("a", sample) for sample in range(20))
    assert sampled(many, (), samples=EVERY, stored=False) == [list(many), []]


@pytest.mark.parametrize(
    ("answers", "found"), [((ANSWERS[0],), "fewer"), ((*ANSWERS, ()), "more"), ((), "fewer")]
)
def test_another_number_of_shards_is_refused(
    answers: tuple[tuple[Response, ...], ...], found: str
) -> None:
    with pytest.raises(StageError, match=f"gave {found} shards than it was asked for; wanted one"):
        sampled(*answers)


def test_every_answer_is_judged_by_every_rule_once() -> None:
    prompts = {"a": prompt("a"), "b": prompt("b", answer="3")}
    with numbers() as judge:
        answers = [[response("a", 0), response("a", 1)], [response("b", 1)]]
        judged = list(stages.judge(judge, prompts, answers))
    found = [
        [(row.prompt_id, row.sample, row.rule, row.value) for row in shard] for shard in judged
    ]
    assert found == [
        [("a", 0, "number", 1), ("a", 0, "total", 1), ("a", 1, "number", 1), ("a", 1, "total", 1)],
        [("b", 1, "number", 0), ("b", 1, "total", 0)],
    ]


def test_verdicts_are_counted_under_the_total_rule_and_sum_to_the_answers() -> None:
    verdicts = [Verdict.passed] * 3 + [Verdict.truncated, Verdict.error]
    rows = [reward(sample=n, verdict=verdict) for n, verdict in enumerate(verdicts)]
    parts = [replace(row, rule="number") for row in rows]
    counts = stages.conservation([*rows, *parts])
    wanted = {"pass": 3, "fail": 0, "unparsed": 0, "error": 1, "timeout": 0, "truncated": 1}
    assert counts == wanted
    assert sum(counts.values()) == len(rows)


REWARDS = groups([1, NAN, 0], [1])


def weighed(weights: list[list[float]]) -> NDArray[np.float64]:
    return stages.weigh(FixedWeights(np.array(weights)), REWARDS)


def test_fit_weights_pass_through() -> None:
    weights = [[1.0, 0.0, -2.0], [0.0, 0.0, 0.0]]
    assert weighed(weights).tolist() == weights


@pytest.mark.parametrize("value", [NAN, float("inf"), -float("inf")])
def test_a_weight_that_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(StageError, match=r"FixedWeights gave .* 1 not finite; wanted finite ones"):
        weighed([[value, 0.0, 0.0], [0.0, 0.0, 0.0]])


def test_weights_of_another_shape_are_refused() -> None:
    with pytest.raises(StageError, match=r"shape \(1, 3\).*of shape \(2, 3\)"):
        weighed([[0.0, 0.0, 0.0]])


@pytest.mark.parametrize("weights", [[[0, 1, 0], [0, 0, 0]], [[0, 0, 0], [0, 1, 0]]])
def test_a_weight_on_an_unknown_or_absent_answer_is_refused(weights: list[list[float]]) -> None:
    with pytest.raises(StageError, match="absent or whose reward is unknown; wanted 0 there"):
        weighed(weights)


def evaluated(*items: Item, samples: int = 1) -> list[Item]:
    with numbers() as judge:
        _, found = stages.evaluate(
            FixedItems(items, samples=samples),
            "m",
            [prompt("a", split=Split.test), prompt("b", split=Split.test)],
            revision=None,
            judge=judge,
            answer_format=ANSWER_FORMAT,
            watch=Watched(),
        )
    return found


def test_one_item_per_prompt_is_fit_in_any_order() -> None:
    assert evaluated(item("b"), item("a")) == [item("b"), item("a")]


@pytest.mark.parametrize(
    "items",
    [(item("a"),), (item("a"), item("a")), (item("a"), item("c")), (item("a"), item("b")) * 2],
    ids=["missing", "twice", "stray", "all twice"],
)
def test_an_item_that_is_missing_stray_or_counted_twice_is_refused(items: tuple[Item, ...]) -> None:
    with pytest.raises(StageError, match=f"{len(items)} items came back for 2 prompts; wanted"):
        evaluated(*items)


def test_an_item_per_prompt_and_sample_is_wanted() -> None:
    items = [replace(item(name), sample=sample) for name in ("a", "b") for sample in (0, 1)]
    assert evaluated(*items, samples=2) == items
    with pytest.raises(StageError, match="wanted each of 2 answers to every prompt exactly once"):
        evaluated(*items[:3], items[0], samples=2)


def test_every_stage_has_a_version() -> None:
    assert list(stages.VERSIONS) == [
        "load",
        "check",
        "decontaminate",
        "sample",
        "judge",
        "weigh",
        "tokenise",
        "refer",
        "train",
        "evaluate",
    ]


@dataclass(frozen=True)
class FixedReferences:
    """A student that makes of the responses what it is given."""

    logprobs: tuple[float | None, ...]
    model: str = "m"
    revision: str | None = None

    def sources(self) -> Sequence[Path]:
        return []

    def train(self, *_: Any, **__: Any) -> None:
        raise AssertionError

    def check(self) -> None:
        """Need nothing."""

    def refer(self, examples: Sequence[Example], *, job: TrainingJob) -> list[float | None]:
        return list(self.logprobs)


EXAMPLES = [
    Example(
        prompt_id="p/train/0",
        sample=number,
        tokens=HeldTokens(ids=np.ones(2, dtype=np.int32), prompt_tokens=1),
        ended=True,
        weight=0.0,
        right=False,
    )
    for number in range(3)
]


def test_references_stand_by_their_answers() -> None:
    found = stages.refer(FixedReferences((-1.5, None, 0.0)), EXAMPLES, job=job())
    assert [(row.prompt_id, row.sample, row.logprob_sum) for row in found] == [
        ("p/train/0", 0, -1.5),
        ("p/train/0", 1, None),
        ("p/train/0", 2, 0.0),
    ]


@pytest.mark.parametrize(
    ("logprobs", "found"),
    [
        ((-1.0, -2.0), "2 log-probs came back for 3 responses, 0 of them not finite"),
        ((-1.0, NAN, -float("inf")), "3 log-probs came back for 3 responses, 2 of them not"),
    ],
)
def test_references_that_are_not_one_finite_number_each_are_refused(
    logprobs: tuple[float | None, ...], found: str
) -> None:
    with pytest.raises(StageError, match=found):
        stages.refer(FixedReferences(logprobs), EXAMPLES, job=job())
