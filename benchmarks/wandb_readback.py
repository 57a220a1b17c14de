"""Whether the offline W&B runs of an outputs folder hold what its run folders do, read back.

`python -m benchmarks.wandb_readback --outputs FOLDER`; with `--upload SWEEP` they are also uploaded
by `advdistill sync`, twice, to a server on this machine.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.wandb_reader import WandbRun, offline_folders, read_run
from tests.wandb_server import serving

_SCORES = ("accuracy", "stderr", "items", "truncated", "unparsed")
_UNSHOWN = ("check",)
"""Stages that make no artifact."""


def differences(record: dict[str, Any], run: WandbRun) -> Iterator[str]:
    """Yield what the tracked run lacks of a run folder's record, or has otherwise."""
    own = record["scores"][0]["task"]
    for score in record["scores"]:
        prefix = score["role"] if score["task"] == own else f"{score['role']}/{score['task']}"
        for name in _SCORES:
            if run.summary.get(f"{prefix}/{name}") != score[name]:
                yield f"{prefix}/{name}"
    wanted = {one for stage, one in record["digests"].items() if _stage(stage) not in _UNSHOWN}
    if {one.metadata["digest"] for one in run.artifacts.values()} != wanted:
        yield "artifacts"
    for name, artifact in run.artifacts.items():
        for source, digest in artifact.metadata["inputs"].items():
            if run.artifacts[source].metadata["digest"] != digest:
                yield f"lineage of {name}"
    if run.group != record["group"] or run.exit_code != 0:
        yield "group or end"
    levels = {name.removeprefix("levels/") for name in run.config if name.startswith("levels/")}
    if levels != {tag.partition("=")[0].replace(".", "_") for tag in run.tags}:
        yield "tags or columns"


def main() -> None:
    """Print how many runs differ from their records, then what the uploads did."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--outputs", type=Path, required=True)
    parser.add_argument("--upload", type=Path, metavar="SWEEP")
    given = parser.parse_args()
    runs = {run.run_id: run for run in map(read_run, offline_folders(given.outputs))}
    records = [json.loads(one.read_text()) for one in given.outputs.glob("runs/*/*/record.json")]
    found = {record["key"][:16]: [*_of(record, runs)] for record in records}
    shared = {name for run in runs.values() for name in run.artifacts}
    rows = sum(len(table) - 1 for run in runs.values() for table in run.tables.values())
    print(
        f"{len(records)} records, {len(runs)} runs in {len({r.group for r in runs.values()})} "
        f"groups, {len(shared)} artifacts, {rows} rows of tables; "
        f"{sum(map(bool, found.values()))} records differ {[one for one in found.values() if one]}"
    )
    if given.upload:
        _upload(given.upload)


def _of(record: dict[str, Any], runs: dict[str, WandbRun]) -> Iterator[str]:
    run = runs.get(record["key"][:16])
    yield from ["no run"] if run is None else differences(record, run)


def _stage(name: str) -> str:
    return name.partition("/")[0]


def _upload(sweep: Path) -> None:
    environment = {name: one for name, one in os.environ.items() if not name.startswith("WANDB")}
    with serving() as store:
        login = {"WANDB_BASE_URL": store.address, "WANDB_API_KEY": "b" * 40}
        command = [sys.executable, "-m", "advdistill", "sync", str(sweep)]
        for _ in range(2):
            before = len(store.asked)
            done = subprocess.run(command, env={**environment, **login}, check=False)
            print(
                f"exit code {done.returncode}, {len(store.asked) - before} requests; the server "
                f"holds {len(store.runs)} runs and "
                f"{sum(one.committed for one in store.artifacts.values())} artifacts"
            )


if __name__ == "__main__":
    main()
