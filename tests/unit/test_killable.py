import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Any

import pytest

from advdistill.killable import Call, Processes
from tests.hostile import ACTS

MEGABYTES = 64


@pytest.fixture
def processes() -> Iterator[Processes]:
    with closing(Processes(1, patience_seconds=1)) as processes:
        yield processes


def call(processes: Processes, work: Callable[[], Any]) -> Call:
    return processes.start(pickle.dumps(work), seconds=0.5, megabytes=MEGABYTES)


def test_a_call_gives_what_the_work_gives_back(processes: Processes) -> None:
    calls = [call(processes, partial(divmod, number, 2)) for number in range(9)]
    assert [one.result() for one in calls] == [divmod(number, 2) for number in range(9)]


def test_calls_are_made_all_the_same_where_every_process_stands_still(processes: Processes) -> None:
    assert call(processes, partial(int, "1")).result() == 1
    assert processes.pool
    # As if a process had been killed while it held the lock of the pipe that all of them share.
    processes.pool._pool_manager.worker_manager.workers_channel.mutex.acquire()
    calls = [call(processes, partial(int, str(number))) for number in range(3)]
    assert [one.result() for one in calls] == [0, 1, 2]


def test_processes_that_are_at_work_on_something_else_are_waited_for(processes: Processes) -> None:
    slow = [call(processes, partial(ACTS["doze"])) for _ in range(6)]  # 0.3 s each
    assert slow[-1].result() is True
    assert processes.done == 6


def test_sets_have_the_same_order_in_every_run(processes: Processes) -> None:
    command = [sys.executable, "-c", "print(hash('word'))"]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    wanted = int(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
    before = os.environ.get("PYTHONHASHSEED")
    assert call(processes, partial(hash, "word")).result() == wanted
    assert os.environ.get("PYTHONHASHSEED") == before
