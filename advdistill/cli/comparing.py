"""What `compare` and `report` ask alike: which runs, against what, and within which margin."""

from __future__ import annotations

import argparse
from pathlib import Path

from advdistill.compare.claims import Comparison
from advdistill.compare.comparison import Question, compare
from advdistill.compare.gathering import gather
from advdistill.compare.looking import counted
from advdistill.compare.runs import FinishedRun


def add_question(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say what is compared."""
    add = parser.add_argument
    add("folders", nargs="+", metavar="RUN|SWEEP", help="runs, or a sweep's folder")
    add("--against", metavar="LEVEL", help="the baseline, LEVEL or FACTOR=LEVEL (uniform)")
    add(
        "--margin", type=_points, metavar="POINTS",
        help="largest difference that counts as none, if the runs' configuration declared none",
    )  # fmt: skip
    add("--task", metavar="NAME", help="one evaluated data set (all)")


def compared(
    options: argparse.Namespace, *, metric: str = "accuracy"
) -> tuple[Comparison, list[FinishedRun]]:
    """Return the comparison that the arguments ask for, its looks recorded, and its runs.

    Raises:
        ConfigError: the question does not fit the runs.
        DataError: a folder holds no finished run.
    """
    gathered = gather([Path(folder) for folder in options.folders])
    question = Question(
        against=options.against, metric=metric, task=options.task, margin=options.margin
    )
    comparison = compare(
        gathered.members, question, title=gathered.title, refusals=gathered.refusals
    )
    runs = [member.run for member in gathered.members]
    return counted(comparison, gathered.members), runs


def _points(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 100:
        raise argparse.ArgumentTypeError(f"is '{text}'; wanted points above 0 and below 100")
    return value
