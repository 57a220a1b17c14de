import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from advdistill.errors import StageError
from advdistill.offline_runs import OfflineRun, Told
from advdistill.uploading import Held, lacking, upload
from tests.offline_runs import TOLD, offline_run

ADDRESS = "https://wandb.example/team/p/runs/0123456789abcdef"
WHOLE = Held(
    address=ADDRESS,
    finished=True,
    summary={**TOLD.summary, "_step": 3},
    artifacts=frozenset(TOLD.artifacts),
)
SETTLE_SECONDS = 0.05


@dataclass
class ScriptedServer:
    """A server of one run that holds, after each upload, what it is told to hold."""

    holds: list[Held | None]
    """After the first upload, the second, ...; the last stays."""
    now: Held | None = None
    late: int = 0
    """Questions that are answered before an upload shows."""
    sent: list[str] = field(default_factory=list)
    linked: int = 0

    def held(self, told: Told) -> Held | None:
        if self.sent and self.late:
            self.late -= 1
            return None
        return self.now

    def send(self, run: OfflineRun) -> None:
        self.sent.append(run.told.run_id)
        self.now = self.holds[min(len(self.sent), len(self.holds)) - 1]

    def link(self, told: Told) -> None:
        self.linked += 1


class DeadServer(ScriptedServer):
    def send(self, run: OfflineRun) -> None:
        raise StageError("W&B does not answer")


@pytest.fixture
def run(tmp_path: Path) -> OfflineRun:
    return offline_run(tmp_path)


def test_a_run_is_uploaded_once(run: OfflineRun) -> None:
    server = ScriptedServer([WHOLE])
    assert [upload(run, server, settle=SETTLE_SECONDS).sent for _ in range(2)] == [True, False]
    assert (server.sent, server.linked) == ([TOLD.run_id], 1)
    assert run.address == ADDRESS


def test_two_processes_upload_it_once(run: OfflineRun) -> None:
    server = ScriptedServer([WHOLE])
    threads = [
        threading.Thread(target=upload, args=(run, server), kwargs={"settle": SETTLE_SECONDS})
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(server.sent) == 1


def test_a_run_that_is_there_already_is_not_sent(run: OfflineRun) -> None:
    server = ScriptedServer([], now=WHOLE)
    assert not upload(run, server, settle=SETTLE_SECONDS).sent
    assert (server.sent, run.address) == ([], ADDRESS)


HALVES: Sequence[tuple[Held | None, str]] = (
    (None, "the run"),
    (replace(WHOLE, finished=False), "its end"),
    (replace(WHOLE, artifacts=frozenset(["pool-1"])), "artifact 'weights-2'"),
    (replace(WHOLE, summary={**WHOLE.summary, "student/accuracy": 0.4}), "'student/accuracy'"),
    (replace(WHOLE, summary={"student/accuracy": 0.5, "items": 600}), "summary 'best'"),
)


@pytest.mark.parametrize(("half", "lost"), HALVES)
def test_half_an_upload_is_no_upload_and_is_sent_again(
    run: OfflineRun, half: Held | None, lost: str
) -> None:
    server = ScriptedServer([half, WHOLE])
    with pytest.raises(StageError, match=rf"lacks {lost}|lacks summary {lost}"):
        upload(run, server, settle=SETTLE_SECONDS)
    assert (run.address, server.linked) == (None, 0)
    assert upload(run, server, settle=SETTLE_SECONDS).sent
    assert server.sent == [TOLD.run_id] * 2
    assert run.address == ADDRESS


def test_a_server_that_shows_it_late_is_waited_for(run: OfflineRun) -> None:
    server = ScriptedServer([WHOLE], late=1)
    assert upload(run, server, settle=SETTLE_SECONDS).sent


def test_a_server_that_fails_leaves_no_mark(run: OfflineRun) -> None:
    with pytest.raises(StageError, match="does not answer"):
        upload(run, DeadServer([]), settle=SETTLE_SECONDS)
    assert run.address is None


def test_numbers_may_come_back_rounded(run: OfflineRun) -> None:
    rounded = {**TOLD.summary, "student/accuracy": 0.5 + 1e-9, "items": 600.0}
    assert lacking(replace(WHOLE, summary=rounded), TOLD) == []


def test_a_number_that_json_cannot_hold_is_not_missed() -> None:
    told = replace(TOLD, summary={"ratio": float("inf")})
    assert lacking(replace(WHOLE, summary={"ratio": "Infinity"}), told) == []
