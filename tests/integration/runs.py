"""Calls run.py as a person does, and reads what it leaves in its outputs folder."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SMALL = ("+experiment=quickstart_small", "runtime.threads=1")
"""A run of seconds whose numbers do not depend on the machine's number of cores."""
STAGES = (
    "load",
    "check",
    "sample",
    "judge",
    "weigh",
    "tokenise",
    "train",
    "evaluate/teacher",
    "evaluate/base",
    "evaluate/student",
)
_LINE = re.compile(r"^(\w+(?:/\w+)*) +(.*) \((made|cached).*\)$", re.MULTILINE)
_SECONDS = re.compile(r"^(\S+) .*\(made in ([\d.]+) s\)$", re.MULTILINE)
_PROGRESS = re.compile(r"^\S+ +\d+/\d+, .* s left$")
_PATIENCE_SECONDS = 240


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call that has ended."""

    code: int
    out: str
    err: str

    @property
    def messages(self) -> list[str]:
        """The lines of standard error, but for those that say how far a slow stage is."""
        return [line for line in self.err.splitlines() if not _PROGRESS.match(line)]

    @property
    def lines(self) -> dict[str, str]:
        """The conservation line of each stage."""
        return {name: line for name, line, _ in _LINE.findall(self.out)}

    @property
    def seconds(self) -> dict[str, float]:
        """How long each stage took that was made."""
        return {name: float(seconds) for name, seconds in _SECONDS.findall(self.out)}

    @property
    def made(self) -> list[str]:
        """The stages that were not cached."""
        return [name for name, _, how in _LINE.findall(self.out) if how == "made"]


def start(
    outputs: Path | None,
    *overrides: str,
    tracking: str | None = "none",
    python: Sequence[str] = (),
    before: Callable[[], object] | None = None,
) -> subprocess.Popen[str]:
    """Start run.py in a process group of its own, in a folder that holds the outputs.

    `python` holds options of the interpreter; `before` is called in the child before run.py.
    """
    settings = [f"outputs={outputs}"] if outputs else []
    settings += [f"tracking={tracking}"] if tracking else []
    return subprocess.Popen(
        [sys.executable, *python, str(ROOT / "run.py"), *overrides, *settings],
        cwd=next(folder for folder in outputs.parents if folder.is_dir()) if outputs else ROOT,
        env={**os.environ, "WANDB_MODE": "offline", "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=before,
    )


def finish(process: subprocess.Popen[str]) -> Call:
    """Wait for the end of a call."""
    try:
        out, err = process.communicate(timeout=_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return Call(code=process.returncode, out=out, err=err)


def call(
    outputs: Path | None,
    *overrides: str,
    tracking: str | None = "none",
    python: Sequence[str] = (),
    before: Callable[[], object] | None = None,
) -> Call:
    """Run run.py to its end."""
    return finish(start(outputs, *overrides, tracking=tracking, python=python, before=before))


def succeed(outputs: Path, *overrides: str, tracking: str = "none") -> Call:
    """Run `quickstart_small` to its end, which must be a good one."""
    done = call(outputs, *SMALL, *overrides, tracking=tracking)
    assert done.code == 0, done.err
    return done


@cache
def finished_run(base: Path) -> tuple[Path, Call]:
    """Return a finished, tracked run: its outputs folder, never to be written, and its call."""
    outputs = base / "finished" / "outputs"
    outputs.parent.mkdir()
    return outputs, succeed(outputs, tracking="wandb")


def copy_of(outputs: Path, folder: Path, *, without: Sequence[str] = ()) -> Path:
    """Return a copy of the outputs below `folder` that lacks these stages and knows of no cell.

    Without `sample` it lacks the stored answers, too.
    """
    copy = folder / "outputs"
    shutil.copytree(outputs, copy)
    shutil.rmtree(copy / "cells")
    if "sample" in without:
        shutil.rmtree(copy / "pool")
    for name in without:
        for doomed in [folder_of(copy, name)] if "/" in name else artefacts(copy, name):
            shutil.rmtree(doomed)
    return copy


def digests(outputs: Path) -> dict[str, str]:
    """Return the digest of every finished artefact by `stage/key`."""
    return {
        f"{folder.parent.name}/{folder.name}": read_manifest(folder)["digest"]
        for folder in artefacts(outputs, "*")
    }


def artefacts(outputs: Path, stage: str) -> list[Path]:
    """Return the folders of a stage's finished artefacts."""
    manifests = (outputs / "cache").glob(f"{stage}/*/manifest.json")
    return sorted(path.parent for path in manifests if "." not in path.parent.name)


def folder_of(outputs: Path, name: str) -> Path:
    """Return the artefact of a stage, or of `evaluate/<role>`, in the folder's first run."""
    stages = json.loads(min(outputs.glob("runs/*/*/stages.json")).read_text())
    return outputs / "cache" / Path(*Path(stages[name]["folder"]).parts[-2:])


def wait_for(
    process: subprocess.Popen[str], outputs: Path, pattern: str, *, count: int = 1
) -> None:
    """Wait until so many paths fit the pattern; the process must still be at work."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while len(list(outputs.glob(pattern))) < count:
        assert process.poll() is None, f"ended before {pattern} was there: {finish(process).err}"
        assert time.monotonic() < deadline, f"{pattern} did not appear"
        time.sleep(0.002)


def seconds_until_gone(session: int, *, patience: float) -> float | None:
    """Return after how long no process of the session was left; None if one outlived `patience`.

    A process that leads a group of its own is still in its session.
    """
    begun = time.monotonic()
    while (seconds := time.monotonic() - begun) < patience:
        if not _alive(session):
            return seconds
        time.sleep(0.05)
    return None


def _alive(session: int) -> bool:
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=", "-o", "stat="], check=True, capture_output=True, text=True
    )
    processes = (line.split() for line in listed.stdout.splitlines())
    return any(
        _session(int(pid)) == session for pid, state in processes if not state.startswith("Z")
    )


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):  # it has ended since, or is another user's
        return None


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a finished artefact."""
    return json.loads((folder / "manifest.json").read_text())
