import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from advdistill.isolation import run_isolated
from advdistill.judging import open_judge
from advdistill.making import Meta
from advdistill.records import Reward, Verdict
from tests.builders import Watched
from tests.hostile import ANSWER_FORMAT, MEGABYTES, Hostile, Pair, pairs


def judged(
    answers: Sequence[Pair], *, processes: int = 2, batch: int = 100, seconds: float = 5
) -> list[list[Reward]]:
    with open_judge(Hostile(seconds=seconds), ANSWER_FORMAT, processes=processes) as judge:
        batches = (answers[start : start + batch] for start in range(0, len(answers), batch))
        return [rows for some in batches for rows in judge(some)]


def one(text: str, *, seconds: float = 5) -> Reward:
    (rows,) = judged(pairs([text]), processes=1, seconds=seconds)
    assert [row.rule for row in rows][-1] == "total"
    return rows[-1]


@pytest.mark.parametrize("where", ["quick", "costly"])
@pytest.mark.parametrize(("text", "verdict"), [("right", "pass"), ("wrong", "fail")])
def test_an_answer_gets_the_rows_of_its_verifier(where: str, text: str, verdict: str) -> None:
    (rows,) = judged(pairs([f"{where} {text}"]))
    assert [(row.rule, row.verdict, row.answer) for row in rows] == [
        ("hostile", verdict, text),
        ("total", verdict, text),
    ]


@pytest.mark.parametrize(
    ("act", "detail"),
    [
        ("divide", "ZeroDivisionError: division by zero"),
        ("recurse", "RecursionError: maximum recursion depth exceeded"),
        ("late", "TimeoutError: not of the deadline"),
        ("awkward", "AwkwardError: half a pair: \ud800b"),
    ],
)
@pytest.mark.parametrize("where", ["quick", "costly"])
def test_an_exception_is_an_error_that_names_it(where: str, act: str, detail: str) -> None:
    row = one(f"{where} {act}")
    assert (row.verdict, row.value) == (Verdict.error, None)
    assert detail in str(row.detail)


@pytest.mark.parametrize(
    ("act", "detail"),
    [
        ("greedy", f"MemoryError: wanted more than {MEGABYTES} MB"),
        ("die", "its process died: SIGKILL"),
        ("crash", "its process died: SIGSEGV"),
        ("leave", "SystemExit: 3"),
        ("vanish", "its process died: exit code 3"),
    ],
)
def test_work_that_ends_its_process_or_wants_too_much_is_an_error(act: str, detail: str) -> None:
    row = one(f"costly {act}")
    assert (row.verdict, row.value) == (Verdict.error, None)
    assert detail in str(row.detail)


def test_work_within_its_memory_passes_again_and_again() -> None:
    found = judged(pairs(["costly frugal"] * 20), processes=1)
    assert [row[-1].verdict for row in found] == [Verdict.passed] * 20


@pytest.mark.parametrize("act", ["power", "loop", "sleep", "stubborn"])
def test_work_that_does_not_end_is_a_timeout_soon_after_its_deadline(act: str) -> None:
    judged(pairs(["costly right"]), processes=1)  # the first call starts the fork server
    start = time.monotonic()
    row = one(f"costly {act}", seconds=0.5)
    assert (row.verdict, row.value) == (Verdict.timeout, None)
    assert row.detail == "took more than 0.5 s"
    assert time.monotonic() - start < 6


def test_waiting_for_a_process_does_not_count() -> None:
    texts = ["costly sleep", "costly sleep", "costly right"]
    found = judged(pairs(texts), processes=1, seconds=0.5)
    assert [row[-1].verdict for row in found] == ["timeout", "timeout", "pass"]


def test_neither_order_nor_batch_nor_processes_change_a_verdict() -> None:
    acts = ["right", "wrong", "divide", "die", "greedy", "frugal", "vanish", "late", "recurse"]
    texts = [f"costly {act}" for act in acts] * 2 + ["quick right", "quick divide"] * 8
    texts += ["costly sleep", "costly loop"]
    answers = pairs(texts)
    wanted = judged(answers, processes=1, batch=1, seconds=1)
    assert [rows[-1].sample for rows in wanted] == list(range(len(answers)))
    for processes, batch, seed in [(3, 7, 2), (2, 100, 3)]:
        shuffled = random.Random(seed).sample(answers, len(answers))
        found = judged(shuffled, processes=processes, batch=batch, seconds=1)
        assert found == [wanted[one.sample] for _, one in shuffled]


def test_every_work_is_done_once(tmp_path: Path) -> None:
    found = judged(pairs([f"costly mark {tmp_path / 'marks'}", "quick right", "costly die"] * 40))
    assert [rows[-1].verdict for rows in found] == ["pass", "pass", "error"] * 40
    assert (tmp_path / "marks").read_text() == "done\n" * 40


def test_quick_verdicts_go_on_while_costly_ones_wait() -> None:
    with open_judge(Hostile(), ANSWER_FORMAT, processes=2) as judge:
        judge(pairs(["costly right"]))
        start = time.monotonic()
        judge(pairs(["costly doze", "quick doze"] * 8))  # 0.3 s each
        assert time.monotonic() - start < 0.75 * 16 * 0.3


def test_a_long_answer_reaches_its_work_whole() -> None:
    text = "costly right " + "x" * 2**20
    (rows,) = judged(pairs([text]))
    assert rows[-1].verdict is Verdict.passed


def test_processes_start_with_the_first_costly_answer_and_end_with_the_block() -> None:
    assert not multiprocessing.active_children()
    with open_judge(Hostile(), ANSWER_FORMAT, processes=3) as judge:
        judge(pairs(["quick right"] * 9))
        assert not multiprocessing.active_children()
        judge(pairs(["costly right"]))
        assert len(multiprocessing.active_children()) == 3
    assert not multiprocessing.active_children()


def test_processes_end_with_the_block_whatever_they_are_doing() -> None:
    threading.Timer(1, os.kill, [os.getpid(), signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        judged(pairs(["costly sleep"] * 200), seconds=100)
    assert not multiprocessing.active_children()


def test_idle_processes_that_are_killed_are_replaced() -> None:
    with open_judge(Hostile(), ANSWER_FORMAT, processes=2) as judge:
        for _ in range(2):
            assert judge(pairs(["costly right"]))[0][-1].verdict is Verdict.passed
            for process in multiprocessing.active_children():
                process.kill()
                process.join()


def test_work_writes_nothing_to_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    assert one("costly chatter").verdict is Verdict.passed
    assert capfd.readouterr() == ("", "")


@dataclass(frozen=True)
class Nested:
    """A maker that judges, as those of the stages do."""

    def __call__(self, draft: Path, watch: object) -> Meta:
        found = judged(
            pairs(["costly right", "costly die", "quick right", "costly loop"]), seconds=1
        )
        return {"verdicts": [rows[-1].verdict for rows in found]}


def test_a_stage_in_a_process_of_its_own_judges_alike(tmp_path: Path) -> None:
    meta = run_isolated(Nested(), tmp_path, Watched())
    assert meta == {"verdicts": ["pass", "error", "pass", "timeout"]}


SCRIPT = """
from advdistill.judging import open_judge
from tests.hostile import ANSWER_FORMAT, Hostile, pairs

if {guard}:
    with open_judge(Hostile(seconds=100), ANSWER_FORMAT, processes=2) as judge:
        judge(pairs(["costly right"]))
        print("ready", flush=True)
        judge(pairs(["costly {act}"] * 10))
"""


def started(folder: Path, act: str, *, guard: str = "__name__ == '__main__'") -> subprocess.Popen:
    (folder / "script.py").write_text(SCRIPT.format(act=act, guard=guard))
    return subprocess.Popen(
        [sys.executable, str(folder / "script.py")],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def members(session: int) -> list[str]:
    """Return the command lines of a session's processes."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            status = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(status[3]) == session and status[0] != "Z":
                found.append((folder / "cmdline").read_text())
    return found


def wait_for_end(session: int) -> None:
    deadline = time.monotonic() + 5
    while left := members(session):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


@pytest.mark.parametrize("act", ["power", "sleep", "loop"])
@pytest.mark.parametrize("stop", ["SIGKILL", "SIGTERM", "SIGINT"])
def test_no_process_outlives_the_one_that_judges(tmp_path: Path, act: str, stop: str) -> None:
    process = started(tmp_path, act)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    deadline = time.monotonic() + 30
    while len(members(process.pid)) < 4:  # itself, the fork server, two at work
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(getattr(signal, stop))
    _, errors = process.communicate(timeout=10)
    assert process.returncode
    wait_for_end(process.pid)
    assert errors.count("Traceback") == (stop == "SIGINT")


def test_ctrl_c_in_a_terminal_is_left_to_the_one_that_judges(tmp_path: Path) -> None:
    process = started(tmp_path, "sleep")
    assert process.stdout
    process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert errors.count("Traceback") == errors.count("KeyboardInterrupt") == 1
    wait_for_end(process.pid)


def test_processes_that_cannot_start_are_no_fault_of_the_answers(tmp_path: Path) -> None:
    process = started(tmp_path, "right", guard="True")
    _, errors = process.communicate(timeout=60)
    assert "StageError" in errors
    assert "lost 3 times before they did any; wanted a main script that can be imported" in errors
