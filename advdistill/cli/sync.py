"""`advdistill sync`: uploads the finished offline W&B runs of a sweep or of single runs, once."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from advdistill.cli.showing import printable
from advdistill.errors import StageError
from advdistill.offline_runs import OfflineRun
from advdistill.tracked_runs import tracked_runs
from advdistill.uploading import Server, upload

_MORE = """\
A target is a sweep's folder (outputs/sweeps/NAME/HASH), a run's (outputs/runs/NAME/TIME) or an
offline run's (outputs/wandb/offline-run-...). What was uploaded is not uploaded again; what was cut
off is, to the same run. A run counts as uploaded when the server has been seen to hold its summary
and its artifacts. Cells that are not finished are left out and named.

examples:
  advdistill sync outputs/sweeps/quickstart/3f2a9c0d41be
  advdistill sync outputs/runs/quickstart/2026-01-31_12-00-00
  advdistill sync --dry-run outputs/sweeps/quickstart/3f2a9c0d41be
"""


def main(arguments: Sequence[str]) -> int:
    """Upload and tell of each run; return 0 if everything that is finished is uploaded, else 1.

    Raises:
        ConfigError: nobody is logged in to W&B.
        DataError: a target holds no run.
    """
    options = _parser().parse_args(arguments)
    found = [run for target in options.targets for run in tracked_runs(target)]
    for run in found:
        if run.offline is None:
            print(f"{printable(run.label)}  not uploaded: {run.reason}")
    waiting = [(run.label, run.offline) for run in found if run.offline is not None]
    if options.dry_run:
        for line in _planned(waiting):
            print(line)
        return 0
    if all(run.address is not None for _, run in waiting):
        return _upload(waiting, None)
    from advdistill.wandb_server import logged_in

    with logged_in() as server:
        return _upload(waiting, server)


def _planned(runs: Sequence[tuple[str, OfflineRun]]) -> Iterator[str]:
    for label, run in runs:
        yield f"{printable(label)}  " + (
            f"uploaded before: {run.address}" if run.address else f"to upload: {run.folder}"
        )


def _upload(runs: Sequence[tuple[str, OfflineRun]], server: Server | None) -> int:
    """Upload one run after the other; a failure does not keep the others from it."""
    failed = 0
    for label, run in runs:
        try:
            print(f"{printable(label)}  {_told(run, server)}", flush=True)
        except StageError as error:
            failed += 1
            print(f"{printable(label)}  not uploaded: {printable(str(error))}", flush=True)
    print(f"{len(runs) - failed} of {len(runs)} finished runs are uploaded.")
    return 1 if failed else 0


def _told(run: OfflineRun, server: Server | None) -> str:
    if server is None:
        return f"uploaded before: {run.address}"
    done = upload(run, server)
    return f"{'uploaded' if done.sent else 'uploaded before'}: {done.address}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="advdistill sync",
        description="Upload the finished offline W&B runs of a sweep or of single runs, each once.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("targets", nargs="+", type=Path, metavar="SWEEP|RUN")
    parser.add_argument("--dry-run", action="store_true", help="say what would be uploaded")
    return parser
