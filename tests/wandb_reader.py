"""Reads an offline run back with W&B's own reader."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class WandbArtifact:
    """An artifact as the run recorded it."""

    type: str
    metadata: dict[str, Any]
    files: dict[str, dict[str, Any]]
    """The manifest by name: `local_path` or `ref`, `digest` and `size`."""


@dataclass(frozen=True, kw_only=True)
class WandbRun:
    """All that a person sees of an offline run."""

    run_id: str
    name: str
    group: str
    job_type: str
    tags: list[str]
    config: dict[str, Any]
    history: list[dict[str, Any]]
    summary: dict[str, Any]
    step_metrics: dict[str, str]
    """The step metric of each pattern, such as `train/*`."""
    summaries: dict[str, list[str]]
    """What the summary keeps of a curve other than its last number, such as min and last."""
    artifacts: dict[str, WandbArtifact]
    tables: dict[str, list[list[Any]]]
    """Rows by the table's name, the columns' names first."""
    exit_code: int | None
    """0 for a complete run, None for one that was never finished."""

    def curve(self, name: str) -> list[Any]:
        """Return the values of one curve in the order they were logged."""
        return [row[name] for row in self.history if name in row]


def offline_folders(folder: Path) -> list[Path]:
    """Return the offline runs below a tracking folder."""
    return sorted((folder / "wandb").glob("offline-run-*"))


def read_run(folder: Path) -> WandbRun:
    """Return the run of one `offline-run-*` folder."""
    records = [json.loads(line) for line in _inspect(folder, "--json").splitlines()]
    summary = json.loads(_inspect(folder, "--summary", "--json"))
    run = next(record["run"] for record in records if record["type"] == "run")
    metrics = [record["metric"] for record in records if record["type"] == "metric"]
    return WandbRun(
        run_id=run["run_id"],
        name=run["display_name"],
        group=run["run_group"],
        job_type=run["job_type"],
        tags=run.get("tags", []),
        config=summary["config"],
        history=[r["history"]["item"] for r in records if r["type"] == "history"],
        summary=summary["summary"],
        step_metrics={m["glob_name"]: m["step_metric"] for m in metrics if "glob_name" in m},
        summaries={m["name"]: sorted(m["summary"]) for m in metrics if "summary" in m},
        artifacts=dict(_artifact(r["artifact"]) for r in records if r["type"] == "artifact"),
        tables={
            name: _table(folder / "files" / value["path"])
            for name, value in summary["summary"].items()
            if isinstance(value, dict) and value.get("_type") == "table-file"
        },
        exit_code=summary.get("exit_code"),
    )


def _inspect(folder: Path, *options: str) -> str:
    command = [sys.executable, "-m", "wandb", "leet", "inspect", str(folder), *options]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    return done.stdout


def _artifact(record: dict[str, Any]) -> tuple[str, WandbArtifact]:
    contents = record["manifest"]["contents"]
    return record["name"], WandbArtifact(
        type=record["type"],
        metadata=json.loads(record["metadata"]),
        files={entry["path"]: entry for entry in contents},
    )


def _table(path: Path) -> list[list[Any]]:
    table = json.loads(path.read_text())
    return [table["columns"], *table["data"]]
