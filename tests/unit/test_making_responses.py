"""The frozen pool: every answer to each prompt, in order, whatever the stores were filled by."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from advdistill.digests import digest_of_path
from advdistill.errors import StageError
from advdistill.interfaces import Ask, Member, Sampling, Teacher
from advdistill.making import SHARD_PROMPTS, prompts_file, shard_files
from advdistill.making_responses import MakeResponses
from advdistill.records import Prompt, Response, Split
from advdistill.sampling.adaptive import AdaptiveSampling
from advdistill.sampling.fixed import FixedSampling
from advdistill.tables import read_rows, write_rows
from advdistill.teacher.mixture import MixtureTeacher
from advdistill.verifier.number import NumberVerifier
from tests.builders import Watched
from tests.tiny import ANSWER_FORMAT
from tests.unit.pool.stores import Scripted
from tests.unit.pool.stores import prompts as made_up

FIXED = FixedSampling()


@dataclass
class Place:
    """Where the prompts, the stores and a draft lie."""

    folder: Path

    def write(self, prompts: Sequence[Prompt]) -> None:
        (self.folder / "prompts").mkdir(exist_ok=True)
        write_rows(prompts_file(self.folder / "prompts", Split.train), Prompt, [prompts])

    def make(
        self,
        teacher: Teacher,
        *,
        draft: str = "draft",
        sampling: Sampling = FIXED,
        watch: Watched | None = None,
    ) -> dict[str, object]:
        (self.folder / draft).mkdir(exist_ok=True)
        make = MakeResponses(
            teacher=teacher,
            sampling=sampling,
            verifier=NumberVerifier(relative_tolerance=0.0),
            answer_format=ANSWER_FORMAT,
            prompts=self.folder / "prompts",
            stores=self.folder / "pool",
            processes=1,
        )
        return make(self.folder / draft, watch or Watched())

    def frozen(self, draft: str = "draft") -> list[list[tuple[str, int, str]]]:
        """Return id, number and text of each answer, shard by shard."""
        return [
            [(row.prompt_id[-1], row.sample, row.text) for row in read_rows(file, Response)]
            for file in shard_files(self.folder / draft)
        ]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.write(made_up(5))
    return made


def test_every_answer_is_there_in_the_order_of_the_prompts(place: Place) -> None:
    watch = Watched()
    meta = place.make(Scripted(samples=2, ahead=3), watch=watch)
    assert meta["line"] == "10 answers to 5 prompts = 10 stop + 0 length + 0 error"
    assert place.frozen() == [
        [(str(p), s, f"scripted {s} #### -1") for p in range(5) for s in (0, 1)]
    ]
    assert watch.steps == [(1, 3), (2, 3), (3, 3)]
    assert sorted(step for step, _ in watch.reports) == [0, 1, 2]
    assert not (place.folder / "draft" / "scratch").exists()


def test_a_shard_of_the_artefact_has_as_many_prompts_whatever_the_teachers_has(
    place: Place,
) -> None:
    place.write(made_up(SHARD_PROMPTS + 3))
    for size in (5, 400):
        place.make(Scripted(samples=1, shard_prompts=size), draft=f"by {size}")
    assert [len(shard) for shard in place.frozen("by 5")] == [SHARD_PROMPTS, 3]
    assert digest_of_path(place.folder / "by 5") == digest_of_path(place.folder / "by 400")


def test_a_killed_teacher_is_asked_for_the_rest_and_the_artefact_is_the_same(place: Place) -> None:
    watch, again = Watched(), Scripted()
    with pytest.raises(MemoryError):
        place.make(Scripted(dies_at="n/train/3"), watch=watch)
    place.make(again, watch=watch)
    assert [[name[-1] for name, _, _ in shard] for shard in again.shards] == [["2", "3"], ["4"]]
    whole = Watched()
    (place.folder / "pool").rename(place.folder / "other pool")
    place.make(Scripted(), draft="undisturbed", watch=whole)
    assert digest_of_path(place.folder / "draft") == digest_of_path(place.folder / "undisturbed")
    assert dict(watch.reports) == dict(whole.reports)


def test_another_run_finds_the_answers_under_other_ids(place: Place) -> None:
    place.make(Scripted())
    first = place.frozen()
    renamed = [
        Prompt(**{**_fields(p), "prompt_id": f"m/train/{p.prompt_id[-1]}"}) for p in made_up(5)
    ]
    place.write(renamed)
    idle = Scripted(dies_at="m/train/0")
    place.make(idle, draft="again")
    assert place.frozen("again") == first
    assert not idle.closed


def _fields(prompt: Prompt) -> dict[str, object]:
    return {name: getattr(prompt, name) for name in Prompt.__slots__}


def test_answers_of_a_file_are_frozen_and_not_stored(place: Place) -> None:
    place.make(Scripted(samples=2, stored=False))
    assert len(place.frozen()[0]) == 10
    assert not (place.folder / "pool").exists()
    assert not (place.folder / "draft" / "scratch").exists()


class Silent(Scripted):
    def _answer(self, asks: Sequence[Ask]) -> list[Response]:
        return []


def test_a_teacher_without_any_answer_is_refused(place: Place) -> None:
    with pytest.raises(StageError, match="gave no answer to any prompt; wanted some"):
        place.make(Silent(samples=0, stored=False))


def mixture(*parts: Scripted, shares: Sequence[float], samples: int = 4) -> MixtureTeacher:
    members: dict[str, Member] = {part.name: part for part in parts}
    return MixtureTeacher(
        samples=samples, shares=dict(zip(members, shares, strict=True)), parts=members
    )


def test_the_parts_of_a_mixture_answer_one_behind_the_other_and_are_told_apart(
    place: Place,
) -> None:
    place.make(
        mixture(Scripted(name="a"), Scripted(name="b", shard_prompts=3), shares=[0.75, 0.25])
    )
    (shard,) = place.frozen()
    assert [(sample, text.split(" ")[:2]) for _, sample, text in shard[:4]] == [
        (0, ["a", "0"]),
        (1, ["a", "1"]),
        (2, ["a", "2"]),
        (3, ["b", "0"]),
    ]
    assert len(shard) == 20


def test_a_mixture_uses_what_its_parts_have_answered_alone(place: Place) -> None:
    place.make(Scripted(name="a"), draft="alone")
    first, second = Scripted(name="a"), Scripted(name="b")
    place.make(mixture(first, second, shares=[0.5, 0.5]))
    assert not first.shards
    assert sum(stop - start for shard in second.shards for _, start, stop in shard) == 10


def test_an_adaptive_pool_is_ragged_and_says_what_it_saved(place: Place) -> None:
    right = {"n/train/0": "rw", "n/train/1": "rrrw", "n/train/2": "wr"}
    sampling = AdaptiveSampling(first=2, step=1, each=1)
    meta = place.make(Scripted(right=right), sampling=sampling)
    counts = [[name for name, _, _ in place.frozen()[0]].count(str(p)) for p in range(5)]
    assert counts == [2, 4, 2, 4, 4]
    assert meta["line"] == (
        "16 answers to 5 prompts = 16 stop + 0 length + 0 error; 4 fewer than 4 each"
    )
    assert meta["saved"] == 4
