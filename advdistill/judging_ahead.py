"""Judges the shards of a pool while others are still being answered, in a process beside the maker.

What it finishes, `MakeRewards` need not judge; what it does not, `MakeRewards` judges as ever.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from advdistill.answers import AnswerFormat
from advdistill.interfaces import Verifier
from advdistill.isolation import settle_in, stops_held_back
from advdistill.judging import open_judge
from advdistill.making import SHARD_PROMPTS, PromptsInStep, count_prompts, shard_file
from advdistill.making_rewards import ahead_file, judged_shard
from advdistill.records import Reward, Split
from advdistill.tables import write_rows

logger = logging.getLogger(__name__)

_STEP_SECONDS = 0.5
"""Between two looks for the next shard."""
_NICENESS = 5
"""The engine goes first."""


@dataclass(frozen=True, kw_only=True)
class JudgingAhead:
    """Writes the rewards of each shard of a responses draft, named as `ahead_file` says."""

    verifier: Verifier
    answer_format: AnswerFormat
    prompts: Path
    folder: Path

    @contextmanager
    def beside(self, draft: Path) -> Iterator[None]:
        """Judge while the block writes the draft; what is not judged by its end is left.

        A pool of one shard has nothing to judge before it is whole.
        """
        if count_prompts(self.prompts, Split.train) <= SHARD_PROMPTS:
            yield
            return
        process = multiprocessing.get_context("spawn").Process(target=_work, args=(self, draft))
        try:
            with stops_held_back():
                process.start()
            yield
            if process.exitcode is not None:
                logger.warning(
                    "judging beside the sampling ended with exit code %s; the stage 'judge' judges "
                    "what is missing; set runtime.judge_ahead=false to do without",
                    process.exitcode,
                )
        finally:
            if process.pid is not None:
                process.kill()
                process.join()

    def judge_all(self, draft: Path) -> None:
        """Judge one shard after the other as they come, for ever."""
        self.folder.mkdir(parents=True, exist_ok=True)
        prompts = PromptsInStep(self.prompts)
        with open_judge(self.verifier, self.answer_format, processes=1) as judge:
            for number in count():
                answered = _copied(shard_file(draft, number), self.folder / "answered.copy")
                rewards = ahead_file(self.folder, answered)
                if not rewards.exists():
                    write_rows(rewards, Reward, [judged_shard(judge, prompts, answered, {})])


def _copied(path: Path, copy: Path) -> Path:
    """Return a copy of a file, made once it is there; a maker that is restarted writes it anew."""
    while True:
        try:
            return shutil.copyfile(path, copy)
        except FileNotFoundError:
            time.sleep(_STEP_SECONDS)


def _work(judging: JudgingAhead, draft: Path) -> None:
    settle_in()
    os.nice(_NICENESS)
    judging.judge_all(draft)
