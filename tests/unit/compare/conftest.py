"""Finished runs of a made-up study, for the tests of comparisons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from advdistill.compare.arms import Member, members_of
from advdistill.compare.claims import Comparison
from advdistill.compare.comparison import Question, compare
from advdistill.compare.runs import read_run
from tests.finished_runs import Cell, answers, write_run

Study = Callable[..., list[Path]]


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """Return a writer of arms: the shares of right answers by arm, one run for each seed."""

    def write(
        arms: dict[str, float | Sequence[float]],
        *,
        seeds: int = 3,
        items: int = 120,
        like: Cell | None = None,
    ) -> list[Path]:
        rng = np.random.default_rng(0)
        hard = rng.normal(0, 1.5, items)
        folders = []
        for spelt, share in arms.items():
            weighting, *overrides = spelt.split()
            shares = [share] * seeds if isinstance(share, float | int) else share
            for seed, one in zip(range(seeds), shares, strict=True):
                chances = 1 / (1 + np.exp(-(hard + np.log(one / (1 - one)))))
                cell = replace(
                    like or Cell(right=[]),
                    right=answers(rng, chances),
                    weighting=weighting,
                    overrides=tuple(overrides),
                    seed=seed,
                )
                folders.append(write_run(tmp_path / "outputs", cell))
        return folders

    return write


def members(folders: Sequence[Path]) -> list[Member]:
    """Return the runs as members by their differences."""
    return members_of([read_run(folder) for folder in folders])


def compared(folders: Sequence[Path], asked: Question | None = None) -> Comparison:
    """Return what the runs show."""
    return compare(members(folders), asked or Question(), title="study")
