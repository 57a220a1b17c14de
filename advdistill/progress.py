"""How far a stage is: a bar with rate and time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

LINE_EVERY_SECONDS = 10.0


class Progress(Protocol):
    """Shows one stage's progress."""

    def update(self, done: int, total: int) -> None:
        """Show that `done` of `total` steps are done."""
        ...


@contextmanager
def progress_of(stage: str) -> Iterator[Progress]:
    """Yield a bar where standard error is a terminal, else what prints a line at times."""
    if not sys.stderr.isatty():
        yield _Lines(stage)
        return
    with _bar() as bar:
        yield _Bar(bar, bar.add_task(stage, total=None))


@dataclass
class _Lines:
    stage: str
    started: float = field(default_factory=time.monotonic)
    shown: float = field(default_factory=time.monotonic)

    def update(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self.shown < LINE_EVERY_SECONDS or not done:
            return
        self.shown = now
        rate = done / (now - self.started)
        left = (total - done) / rate
        print(f"{self.stage:<9} {done}/{total}, {rate:.1f}/s, {left:.0f} s left", file=sys.stderr)


@dataclass
class _Bar:
    bar: object
    task: int

    def update(self, done: int, total: int) -> None:
        self.bar.update(self.task, completed=done, total=total)  # type: ignore[attr-defined]


def _bar():
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as RichProgress

    class Rate(TextColumn):
        def render(self, task):
            from rich.text import Text

            return Text(f"{task.speed:.1f}/s" if task.speed else "")

    return RichProgress(
        TextColumn("{task.description:<9}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(""),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
