"""What becomes of a store when disks, people and other runs do their worst."""

import logging
import multiprocessing
import os
import resource
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from advdistill.answers import AnswerFormat, AnswerStyle
from advdistill.cache import is_disk_trouble
from advdistill.digests import HOW
from advdistill.interfaces import Ask
from advdistill.pool.about import store_folder
from advdistill.pool.filling import Wanted, fill
from advdistill.pool.keys import questions, store_about
from advdistill.pool.shards import Stored, read_shard, shards_of
from advdistill.pool.store import open_store
from advdistill.records import Response
from advdistill.sampling.fixed import FixedSampling
from advdistill.tables import write_rows
from tests.builders import prompt, response

pytestmark = pytest.mark.timeout(240)
ANSWER_FORMAT = AnswerFormat(style=AnswerStyle.hash, instruction="", system=None, thinking=None)
PROMPTS = [prompt(f"n/train/{number}", question=f"{number} + 1?") for number in range(12)]


@dataclass(frozen=True, kw_only=True)
class Slow:
    """A teacher that notes what it is asked, and takes its time."""

    notes: Path = field(metadata=HOW)
    seconds: float = field(default=0.0, metadata=HOW)
    letters: int = field(default=1, metadata=HOW)
    """The length of its answers to the third shard; those to others have one."""
    samples: int = 2
    shard_prompts: int = field(default=2, metadata=HOW)
    stored: bool = field(default=True, metadata=HOW)
    model: None = None
    revision: None = None

    @property
    def members(self) -> Sequence[tuple["Slow", int]]:
        return [(self, self.samples)]

    @property
    def author(self) -> "Slow":
        return self

    def sources(self) -> Sequence[Path]:
        return []

    def sample(
        self, shards: Iterable[Sequence[Ask] | None], *, answer_format: AnswerFormat
    ) -> Iterator[list[Response]]:
        for asks in shards:
            if asks is None:
                continue
            time.sleep(self.seconds)
            self._note(asks)
            yield [
                response(ask.prompt.prompt_id, sample, text=self._text(ask, sample))
                for ask in asks
                for sample in ask.samples
            ]

    def asked(self) -> list[str]:
        """Return the numbers of the prompts and samples that it was asked for, in all."""
        return self.notes.read_text().split() if self.notes.exists() else []

    def _note(self, asks: Sequence[Ask]) -> None:
        with self.notes.open("a") as file:
            for ask in asks:
                number = ask.prompt.prompt_id.rsplit("/", 1)[1]
                file.writelines(f"{number}.{sample}\n" for sample in ask.samples)

    def _text(self, ask: Ask, sample: int) -> str:
        long = ask.prompt in PROMPTS[4:6] and self.letters > 1
        return f"#### {sample} " + os.urandom(self.letters).hex() if long else f"#### {sample}"


def fill_with(teacher: Slow, root: Path) -> list[Stored]:
    """Fill the store and return all that it holds."""
    about = store_about(teacher, ANSWER_FORMAT)
    wanted = Wanted(
        member=teacher,
        samples=teacher.samples,
        sampling=FixedSampling(),
        answer_format=ANSWER_FORMAT,
        judge=None,
    )
    with open_store(store_folder(root, about), about) as store:
        for _ in fill(store, questions(lambda: PROMPTS, ANSWER_FORMAT), wanted):
            pass
        return [row for group in store.groups() for row in group]


def numbers(prompts: Iterable[int], samples: Iterable[int]) -> list[str]:
    """Return how `Slow.asked` names these answers."""
    chosen = list(samples)
    return [f"{number}.{sample}" for number in prompts for sample in chosen]


@pytest.fixture
def teacher(tmp_path: Path) -> Slow:
    return Slow(notes=tmp_path / "asked")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "pool"


@pytest.fixture
def filled(teacher: Slow, root: Path) -> list[Stored]:
    """What the store holds once it is full; nothing of it is noted as asked."""
    rows = fill_with(teacher, root)
    teacher.notes.unlink()
    return rows


def shards(root: Path) -> list[Path]:
    """Return the shards of the only store, in the order of the prompts."""
    [store] = root.iterdir()
    return sorted(shards_of(store), key=lambda path: _number(read_shard(path)[0]))


def _number(row: Stored) -> int:
    return int(row.prompt_id.rsplit("/", 1)[1])


def fill_on_a_small_disk(teacher: Slow, root: Path) -> None:
    """Fill the store where no file can have more than 30 kB; end with 7 where that is told."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
    try:
        fill_with(teacher, root)
    except OSError as error:
        os._exit(7 if is_disk_trouble(error) else 1)


def test_a_disk_that_is_full_in_the_middle_of_a_shard(teacher: Slow, root: Path) -> None:
    verbose = replace(teacher, letters=20_000)
    process = multiprocessing.get_context("spawn").Process(
        target=fill_on_a_small_disk, args=(verbose, root)
    )
    process.start()
    process.join(120)
    assert process.exitcode == 7
    assert [len(read_shard(path)) for path in shards(root)] == [4, 4]
    assert {path.suffix for path in shards(root)[0].parent.iterdir() if path.is_file()} == {
        ".json",
        ".lock",
        ".parquet",
    }
    teacher.notes.unlink()
    assert len(fill_with(teacher, root)) == 24
    assert teacher.asked() == numbers(range(4, 12), range(2))


def cut(paths: Sequence[Path]) -> None:
    """Take the last bytes of a shard away."""
    paths[1].write_bytes(paths[1].read_bytes()[:-9])


def edited(paths: Sequence[Path]) -> None:
    """Put another answer into a shard, which stays a whole table."""
    first, *rest = read_shard(paths[1])
    write_rows(paths[1], Stored, [[replace(first, text="#### 7"), *rest]])


def swapped(paths: Sequence[Path]) -> None:
    """Exchange the names of two shards."""
    aside = paths[1].with_suffix(".aside")
    paths[1].rename(aside)
    paths[2].rename(paths[1])
    aside.rename(paths[2])


def emptied(paths: Sequence[Path]) -> None:
    """Leave a name without bytes."""
    paths[1].write_bytes(b"")


@pytest.mark.parametrize(
    ("damage", "again"),
    [(cut, [2, 3]), (edited, [2, 3]), (emptied, [2, 3]), (swapped, [2, 3, 4, 5])],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_damaged_shard_is_kept_aside_and_asked_for_again(
    filled: list[Stored],
    teacher: Slow,
    root: Path,
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[Sequence[Path]], None],
    again: list[int],
) -> None:
    damage(shards(root))
    damaged = {path.stem: path.read_bytes() for path in shards_of(shards_folder(root))}
    with caplog.at_level(logging.WARNING, "advdistill"):
        assert fill_with(teacher, root) == filled
    assert teacher.asked() == numbers(again, range(2))
    broken = sorted(shards_folder(root).glob("*.broken"))
    assert len(broken) == len(caplog.messages) == len(again) // 2
    assert all(path.read_bytes() == damaged[path.stem] for path in broken)
    for message in caplog.messages:
        assert "kept as" in message
        assert "asked for again" in message


def shards_folder(root: Path) -> Path:
    """Return the folder of the only store."""
    [store] = root.iterdir()
    return store


def fill_beside(teacher: Slow, root: Path, start: Barrier) -> None:
    """Fill the store as soon as the other process is there, too."""
    start.wait(120)
    fill_with(teacher, root)


def test_two_runs_that_fill_one_pool_share_the_work(tmp_path: Path, root: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(2)
    teachers = [Slow(notes=tmp_path / name, seconds=0.1) for name in ("one", "other")]
    processes = [
        context.Process(target=fill_beside, args=(teacher, root, start)) for teacher in teachers
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    one, other = (teacher.asked() for teacher in teachers)
    assert one
    assert other
    assert sorted([*one, *other]) == sorted(numbers(range(12), range(2)))
    rows = [row for path in shards(root) for row in read_shard(path)]
    assert Counter((row.prompt_id, row.sample) for row in rows) == Counter(
        (one.prompt_id, sample) for one in PROMPTS for sample in range(2)
    )
    assert len({row.key for row in rows}) == 12


def test_fewer_answers_are_those_that_are_there(
    filled: list[Stored], teacher: Slow, root: Path
) -> None:
    assert fill_with(replace(teacher, samples=1), root) == filled
    assert teacher.asked() == []


def test_of_more_answers_only_the_further_ones_are_asked_for(
    filled: list[Stored], teacher: Slow, root: Path
) -> None:
    rows = fill_with(replace(teacher, samples=5), root)
    assert teacher.asked() == numbers(range(12), range(2, 5))
    assert len(rows) == 60
    assert [row for row in rows if row.sample < 2] == filled


@pytest.mark.parametrize("seconds", [2**31, -(2**30)], ids=["future", "past"])
def test_a_wrong_clock_changes_nothing(
    filled: list[Stored], teacher: Slow, root: Path, seconds: int
) -> None:
    for path in root.rglob("*"):
        os.utime(path, (time.time() + seconds, time.time() + seconds))
    assert fill_with(teacher, root) == filled
    assert teacher.asked() == []
    shards(root)[0].unlink()
    assert fill_with(teacher, root) == filled
    assert teacher.asked() == numbers([0, 1], range(2))
