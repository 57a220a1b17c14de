"""Shards on a Ray cluster: in order, each once, whatever becomes of the workers."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from time import monotonic

import pytest

from advdistill.engine.ray_cluster import Placement, signals_kept
from advdistill.engine.ray_shards import Crew, Patience
from advdistill.errors import DataError, StageError
from advdistill.interfaces import Ask
from advdistill.records import Response
from tests.unit.engine.scripted import FORMAT, ScriptedTeacher, shard_of, shards_of, texts

pytestmark = pytest.mark.slow
SETTINGS = {"include_dashboard": False, "object_store_memory": 100 << 20}


@pytest.fixture(scope="module")
def cluster() -> Iterator[object]:
    """A cluster whose first machine has room for two workers."""
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, **SETTINGS})
    with signals_kept():
        cluster.connect()
    yield cluster
    ray.shutdown()
    cluster.shutdown()


@pytest.fixture
def crew(cluster: object, tmp_path: Path):
    """Return a crew; the changes are those of its teacher, placement and patience."""

    def made(
        *,
        address: str | None = "auto",
        workers: int | None = 2,
        gpus: float = 0.0,
        seconds: float = 60.0,
        **teacher: object,
    ) -> Crew:
        return Crew(
            teacher=ScriptedTeacher(folder=str(tmp_path), **teacher),
            answer_format=FORMAT,
            placement=Placement(
                address=address, workers=workers, gpus_per_worker=gpus, cpus_per_worker=1.0
            ),
            patience=Patience(shards_in_flight=2, max_losses=2, start_seconds=seconds),
        )

    return made


def alone(folder: Path, shards: Sequence[Sequence[Ask]]) -> list[list[str]]:
    return texts(ScriptedTeacher(folder=str(folder)).sample(shards, answer_format=FORMAT))


def test_answers_come_in_order_and_are_the_engines_own(crew, tmp_path: Path) -> None:
    shards = shards_of(20)
    assert texts(crew().answers(shards)) == alone(tmp_path, shards)


def test_none_among_shards_waits_for_an_answer(crew, tmp_path: Path) -> None:
    shards, yielded = shards_of(4), []

    def one_by_one() -> Iterator[Sequence[Ask] | None]:
        for number, asks in enumerate(shards):
            while len(yielded) < number:
                yield None
            yield asks

    for rows in crew().answers(one_by_one()):
        yielded.append(rows)
    assert texts(yielded) == alone(tmp_path, shards)


def test_shards_are_read_ahead_in_bounds(crew) -> None:
    read: list[int] = []
    answers = crew().answers(read.append(n) or asks for n, asks in enumerate(shards_of(100)))
    for done in range(20):
        next(answers)
        assert len(read) <= done + 2 * 2 * 2 + 1
    answers.close()


@pytest.mark.parametrize("deadly", [{"p3": 1}, {"p0": 2}, {"p5": 1, "p6": 2, "p19": 1}])
def test_the_shards_of_a_lost_worker_go_to_others(crew, tmp_path: Path, deadly) -> None:
    shards = shards_of(10)
    assert texts(crew(deadly=deadly).answers(shards)) == alone(tmp_path, shards)
    assert len(list(tmp_path.iterdir())) == sum(deadly.values())


def test_a_shard_that_loses_every_worker_ends_the_run(crew, tmp_path: Path) -> None:
    found: list[list[Response]] = []
    answers = crew(deadly={"p4": 99}).answers(shards_of(10))
    with pytest.raises(StageError, match=r"3 workers were lost with.*max_losses"):
        found.extend(answers)
    assert texts(found) == alone(tmp_path, shards_of(10))[: len(found)]
    assert len(list(tmp_path.iterdir())) == 3


def test_an_error_of_the_engine_comes_as_itself(crew) -> None:
    with pytest.raises(DataError, match=r"^p7 is wrong$"):
        list(crew(wrong="p7").answers(shards_of(10)))


def test_no_worker_within_the_time_names_what_was_found(crew) -> None:
    with pytest.raises(StageError, match=r"wants 1 GPU.*has 0 GPU and \d CPU.*gpus_per_worker=0"):
        list(crew(workers=1, gpus=1.0, seconds=0.1).answers(shards_of(1)))


def test_a_share_that_this_machine_does_not_have_is_refused_at_once(crew) -> None:
    with pytest.raises(StageError, match=r"wants 1 GPU.*address None has 0 GPU"):
        next(crew(address=None, gpus=1.0).answers(shards_of(1)))


def test_workers_join_and_leave_with_their_machines(crew, cluster, tmp_path: Path) -> None:
    """Shards come until a third worker has answered, and 50 after its machine is gone."""
    shards, answers, pids = [], [], set()
    started = monotonic()

    def coming() -> Iterator[list[Ask]]:
        left = 50
        while left and monotonic() - started < 120:
            left -= len(pids) >= 3
            asks = shard_of(len(shards))
            shards.append(asks)
            yield asks

    node = None
    for rows in crew(workers=None).answers(coming()):
        answers.append(rows)
        pids |= {row.teacher for row in rows}
        if len(answers) == 10:
            node = cluster.add_node(num_cpus=2, object_store_memory=100 << 20)
        elif node is not None and len(pids) >= 3:
            cluster.remove_node(node, allow_graceful=False)
            node = None
    assert texts(answers) == alone(tmp_path, shards)
    assert node is None
    assert len(pids) >= 3, f"{len(pids)} workers answered in {monotonic() - started:.0f} s"
