"""Uploads finished offline runs, each once, and looks whether all of it arrived.

W&B's own `wandb sync` ends well, and marks a run as synced, also where parts of it were lost on the
way. So a run counts as uploaded only when the server has been seen to hold its artifacts and its
summary; until then it is sent again, to the same run id, which leaves one run.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from tenacity import Retrying, retry_if_result, stop_after_delay, wait_exponential

from advdistill.cache import locked
from advdistill.errors import StageError
from advdistill.offline_runs import OfflineRun, Told

logger = logging.getLogger(__name__)

SETTLE_SECONDS = 30
"""How long a server may take to show what it was sent."""
_RELATIVE = 1e-6
"""How far a number may come back from what was sent: servers keep JSON."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """What a server holds of a run."""

    address: str
    finished: bool
    summary: Mapping[str, object]
    artifacts: frozenset[str]
    """Names, without their versions."""


class Server(Protocol):
    """Where runs are uploaded to."""

    def held(self, told: Told) -> Held | None:
        """Return what it holds of the run; None if it does not know it.

        Raises:
            StageError: it does not answer.
        """
        ...

    def send(self, run: OfflineRun) -> None:
        """Send the run; whatever of it is there already is replaced.

        Raises:
            StageError: it was not sent.
        """
        ...

    def link(self, told: Told) -> None:
        """Say of which artifacts the run made others; W&B cannot record that offline."""
        ...


@dataclass(frozen=True, kw_only=True)
class Uploaded:
    """A run that the server holds whole."""

    address: str
    sent: bool
    """False if it was there before."""


def upload(run: OfflineRun, server: Server, *, settle: float = SETTLE_SECONDS) -> Uploaded:
    """Upload the run unless the server holds it, and mark it as uploaded.

    Another process that uploads the same run is waited for.

    Raises:
        StageError: the server does not answer, or lacks part of the run after `settle` seconds.
    """
    with locked(run.folder / "upload"):
        if run.address is not None:
            return Uploaded(address=run.address, sent=False)
        before = server.held(run.told)
        sent = before is None or bool(lacking(before, run.told))
        if sent:
            server.send(run)
        held = _settled(server, run.told, settle)
        server.link(run.told)
        run.mark_uploaded(held.address)
        return Uploaded(address=held.address, sent=sent)


def lacking(held: Held, told: Told) -> list[str]:
    """Return what the server lacks of what the run was told."""
    numbers = [name for name, one in told.summary.items() if not _equal(held.summary, name, one)]
    artifacts = [name for name in told.artifacts if name not in held.artifacts]
    return [
        *([] if held.finished else ["its end"]),
        *(f"summary '{name}'" for name in numbers),
        *(f"artifact '{name}'" for name in artifacts),
    ]


def _settled(server: Server, told: Told, seconds: float) -> Held:
    """Return what the server holds once it is all there."""
    retrying = Retrying(
        retry=retry_if_result(lambda held: held is None or bool(lacking(held, told))),
        stop=stop_after_delay(seconds),
        wait=wait_exponential(min=min(1.0, seconds), max=8),
        retry_error_callback=lambda state: state.outcome and state.outcome.result(),
    )
    held = retrying(server.held, told)
    missing = lacking(held, told) if held else ["the run"]
    if held is None or missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise StageError(
            f"run {told.run_id}: W&B lacks {', '.join(missing[:3])}{more} after the upload; wanted "
            "all that the run was told; it is not marked as uploaded: give the same command again"
        )
    return held


def _equal(summary: Mapping[str, object], name: str, told: float | int | str) -> bool:
    found = summary.get(name)
    if isinstance(told, str) or not isinstance(found, int | float):
        return found == told or (isinstance(told, float) and not math.isfinite(told))
    return math.isclose(found, told, rel_tol=_RELATIVE, abs_tol=_RELATIVE)
