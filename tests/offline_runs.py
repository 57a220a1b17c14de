"""Folders of finished offline runs, without W&B."""

from pathlib import Path

from advdistill.offline_runs import OfflineRun, Told, read_offline_run, write_told

TOLD = Told(
    run_id="0123456789abcdef",
    project="p",
    entity="team",
    summary={"student/accuracy": 0.5, "best": "softmax", "items": 600},
    artifacts={"pool-1": (), "weights-2": ("pool-1",)},
)


def offline_run(outputs: Path, told: Told = TOLD) -> OfflineRun:
    """Return a finished run in the outputs folder."""
    folder = outputs / "wandb" / f"offline-run-20260101_000000-{told.run_id}"
    folder.mkdir(parents=True)
    (folder / f"run-{told.run_id}.wandb").write_bytes(b"")
    write_told(folder, told)
    return read_offline_run(folder)
