"""What a teacher is asked for, and when it is enough."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from advdistill.interfaces import Ask, Judge, Sampling
from advdistill.judging import open_judge
from advdistill.pool.about import store_folder
from advdistill.pool.filling import Shard, Wanted, fill
from advdistill.pool.shards import shards_of
from advdistill.pool.store import Store, open_store
from advdistill.records import Response
from advdistill.sampling.adaptive import AdaptiveSampling
from advdistill.sampling.fixed import FixedSampling
from advdistill.verifier.number import NumberVerifier
from tests.tiny import ANSWER_FORMAT
from tests.unit.pool.stores import ABOUT, Scripted, asked, rows

FIXED = FixedSampling()
ADAPTIVE = AdaptiveSampling(first=2, step=1, each=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(store_folder(tmp_path, ABOUT), ABOUT) as opened:
        yield opened


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with open_judge(NumberVerifier(relative_tolerance=0.0), ANSWER_FORMAT, processes=1) as judge:
        yield judge


def filled(
    store: Store,
    teacher: Scripted,
    *,
    prompts: int = 5,
    sampling: Sampling = FIXED,
    judge: Judge | None = None,
) -> list[Shard]:
    wanted = Wanted(
        member=teacher,
        samples=teacher.samples,
        sampling=sampling,
        answer_format=ANSWER_FORMAT,
        judge=judge,
    )
    return list(fill(store, asked(prompts), wanted))


def names(teacher: Scripted) -> list[list[str]]:
    return [[prompt_id[-1] for prompt_id, _, _ in shard] for shard in teacher.shards]


@pytest.mark.parametrize("ahead", [1, 2, 9])
def test_every_prompt_is_asked_once_for_all_its_answers(store: Store, ahead: int) -> None:
    teacher = Scripted(ahead=ahead)
    shards = filled(store, teacher)
    assert sorted(shard.number for shard in shards) == [0, 1, 2]
    assert names(teacher) == [["0", "1"], ["2", "3"], ["4"]]
    assert {(start, stop) for shard in teacher.shards for _, start, stop in shard} == {(0, 4)}
    assert [store.samples(one.key) for one in asked(5)] == [[0, 1, 2, 3]] * 5
    assert teacher.closed


def test_a_teacher_is_not_started_where_nothing_is_missing(store: Store) -> None:
    filled(store, Scripted())
    idle = Scripted(dies_at="n/train/0")
    assert [shard.counts for shard in filled(store, idle)] == [[4, 4], [4, 4], [4]]
    assert not idle.shards
    assert not idle.closed


def test_after_a_death_only_what_was_not_finished_is_asked_for_and_the_shards_are_the_same(
    store: Store, tmp_path: Path
) -> None:
    with pytest.raises(MemoryError):
        filled(store, Scripted(dies_at="n/train/2"))
    again = Scripted()
    filled(store, again)
    assert names(again) == [["2", "3"], ["4"]]
    with open_store(store_folder(tmp_path / "other", ABOUT), ABOUT) as undisturbed:
        filled(undisturbed, Scripted())
        assert {p.name for p in shards_of(store.folder)} == {
            p.name for p in shards_of(undisturbed.folder)
        }


def test_a_larger_number_asks_for_the_rest_and_a_smaller_one_for_nothing(store: Store) -> None:
    filled(store, Scripted(samples=2))
    more, fewer = Scripted(samples=5), Scripted(samples=1)
    filled(store, more)
    filled(store, fewer)
    assert {(start, stop) for shard in more.shards for _, start, stop in shard} == {(2, 5)}
    assert not fewer.shards


def test_what_still_applies_after_the_prompts_have_changed_is_kept(store: Store) -> None:
    filled(store, Scripted(), prompts=3)
    teacher = Scripted()
    filled(store, teacher, prompts=6)
    assert names(teacher) == [["3"], ["4", "5"]]


def test_holes_are_asked_for_as_they_are(store: Store) -> None:
    (one,) = asked(1)
    store.add(rows(one, [1, 3]))
    teacher = Scripted(samples=6)
    filled(store, teacher, prompts=1)
    numbers = [(start, stop) for _, start, stop in teacher.shards[0]]
    assert numbers == [(0, 1), (2, 3), (4, 6)]
    assert store.samples(one.key) == list(range(6))


class Recorded(Scripted):
    """Has three answers to each prompt but one, and cannot be asked for more."""

    def _answer(self, asks: Sequence[Ask]) -> list[Response]:
        kept = [replace(ask, samples=range(3)) for ask in asks]
        return super()._answer([ask for ask in kept if ask.prompt.prompt_id != "n/train/1"])


def test_answers_that_exist_already_are_taken_as_many_as_there_are(store: Store) -> None:
    filled(store, Recorded(samples=0, stored=False), prompts=3)
    assert [store.samples(one.key) for one in asked(3)] == [[0, 1, 2], [], [0, 1, 2]]


def test_an_adaptive_sampling_asks_again_where_answers_agree(store: Store, judge: Judge) -> None:
    right = {"n/train/0": "rw", "n/train/1": "rrrw", "n/train/2": "", "n/train/3": "wwr"}
    teacher = Scripted(samples=4, right=right, ahead=3)
    shards = filled(store, teacher, prompts=4, sampling=ADAPTIVE, judge=judge)
    counts = dict(
        pair
        for shard in shards
        for pair in zip((q.prompt.prompt_id for q in shard.questions), shard.counts, strict=True)
    )
    assert counts == {"n/train/0": 2, "n/train/1": 4, "n/train/2": 4, "n/train/3": 3}
    assert store.count() == 13
    assert all(start == stop - 1 for shard in teacher.shards[2:] for _, start, stop in shard)


def test_an_adaptive_sampling_goes_on_from_what_is_there(store: Store, judge: Judge) -> None:
    right = {"n/train/0": "rrrw", "n/train/1": "rw"}
    filled(store, Scripted(samples=3, right=right), prompts=2)
    teacher = Scripted(samples=4, right=right)
    (shard,) = filled(store, teacher, prompts=2, sampling=ADAPTIVE, judge=judge)
    assert teacher.shards == [[("n/train/0", 3, 4)]]
    assert shard.counts == [4, 2]


def test_what_another_writer_has_kept_meanwhile_is_not_asked_for(store: Store) -> None:
    with open_store(store.folder, ABOUT) as other:
        filled(other, Scripted())
    late = Scripted(samples=5)
    assert [shard.number for shard in filled(store, late)] == [0, 1, 2]
    assert {(start, stop) for shard in late.shards for _, start, stop in shard} == {(4, 5)}
