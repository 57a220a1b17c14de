"""The problems of any task of reasoning-gym, drawn by seed: no network, no files."""

import json
import os
import subprocess
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from advdistill.dataset.problems import check_sizes, question_key
from advdistill.errors import ConfigError, DataError
from advdistill.records import AnswerKind, Prompt, Split

_DRAW = Path(__file__).with_name("draw_reasoning_gym.py")
_PATIENCE = 1_000
"""So many draws in a row without a new problem mean that a task has no more."""


@dataclass(frozen=True, kw_only=True)
class ReasoningGym:
    """One task of reasoning-gym (arXiv 2505.24760).

    Each split has seeds of its own, and a question that was drawn once is never drawn again. Test
    and dev are drawn before train, so that they stay the same when more training prompts are asked
    for.
    """

    name: str
    task: str
    """Its name in reasoning-gym."""
    config: dict[str, Any]
    """The task's own settings, handed on unread; those left out have their defaults."""
    train: int
    dev: int
    test: int
    seed: int

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_sizes(self.name, {"train": self.train, "dev": self.dev, "test": self.test})
        if taken := {"seed", "size"} & set(self.config):
            raise ConfigError(
                f"dataset '{self.name}': config sets {', '.join(sorted(taken))}; wanted the task's "
                "own settings alone; give dataset.seed, dataset.train, dataset.dev or dataset.test"
            )

    def load(self) -> Iterator[Prompt]:
        """Yield the prompts of test, dev and train, in this order.

        Raises:
            ConfigError: there is no such task, or it refuses its settings.
            DataError: it has fewer distinct problems with a gold answer than asked for.
        """
        asked: set[str] = set()
        sizes = {Split.test: self.test, Split.dev: self.dev, Split.train: self.train}
        for split, size in sizes.items():
            with closing(self._new_entries(split, asked)) as entries:
                for number, entry in enumerate(islice(entries, size)):
                    yield self._prompt(split, number, entry)

    def sources(self) -> Sequence[Path]:
        """Return nothing: the problems are drawn, not read."""
        return []

    def _prompt(self, split: Split, number: int, entry: dict[str, Any]) -> Prompt:
        return Prompt(
            prompt_id=f"{self.name}/{split}/{number:05d}",
            split=split,
            question=entry["question"],
            answer=entry["answer"],
            kind=AnswerKind.text,
            subject=entry["metadata"].get("source_dataset"),
            metadata=json.dumps({"task": self.task, "entry": entry}, ensure_ascii=False),
        )

    def _new_entries(self, split: Split, asked: set[str]) -> Generator[dict[str, Any]]:
        """Yield problems with a gold answer whose question was not asked before."""
        idle = found = 0
        with closing(self._entries(split)) as entries:
            for entry in entries:
                idle += 1
                key = question_key(entry["question"])
                if isinstance(entry["answer"], str) and entry["answer"] and key not in asked:
                    asked.add(key)
                    idle = 0
                    found += 1
                    yield entry
                if idle == _PATIENCE:
                    raise DataError(
                        f"dataset '{self.name}': task '{self.task}' gave {found} new problems with "
                        f"a gold answer for {split}, and none in the last {idle} draws; ask for "
                        "fewer, or choose another task or config"
                    )

    def _entries(self, split: Split) -> Generator[dict[str, Any]]:
        """Yield the task's problems without end.

        Some tasks walk through sets, whose order hangs on the process's hash seed: that can be
        fixed for a new process only.
        """
        wanted = {"task": self.task, "config": self.config, "seed": self.seed, "split": split}
        # -P: this folder has a module of the library's name.
        command = [sys.executable, "-P", str(_DRAW), json.dumps(wanted)]
        with (
            TemporaryFile("w+") as complaints,
            subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=complaints,
                env={**os.environ, "PYTHONHASHSEED": "0"},
                encoding="utf-8",
            ) as drawing,
        ):
            try:
                assert drawing.stdout is not None
                yield from map(json.loads, drawing.stdout)
            finally:
                drawing.kill()
            complaints.seek(0)
            last = (complaints.read().strip().splitlines() or ["no reason given"])[-1]
            raise ConfigError(
                f"dataset '{self.name}': reasoning-gym cannot draw the task '{self.task}' with "
                f"{self.config}: {last:.300}; wanted one of its tasks with settings that it knows"
            )
