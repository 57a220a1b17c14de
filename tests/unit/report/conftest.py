from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from advdistill.compare.claims import Comparison
from advdistill.compare.runs import FinishedRun, read_run
from advdistill.report.page import Page, page_of
from tests.comparisons import comparison_of
from tests.finished import Told, finished_run

EVIL = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
    "\x00\x1b[2J\u202eevil\u2066\ufeff<!-- ]]> {{ 7*7 }} $x$ & '\" " + "w" * 5000 + "END"
)
RIGHT = {"uniform": range(0, 12, 2), "softmax": range(1, 8), "shuffled": range(3)}
"""The test problems that the students of each arm get right."""
ARMS = {"shuffled": "<b>shuffled</b> $\\alpha$ \u202e & |"}
"""A label that somebody wrote to do harm."""


def runs_of(outputs: Path, told: Sequence[Told]) -> list[FinishedRun]:
    """Return the runs, written and read."""
    return [read_run(finished_run(outputs, one)) for one in told]


@pytest.fixture(scope="session")
def hostile_runs(tmp_path_factory: pytest.TempPathFactory) -> list[FinishedRun]:
    """Three arms by two seeds, every text of a model hostile."""
    told = [
        Told(
            weighting=weighting,
            seed=seed,
            evil=EVIL,
            right={"teacher": range(12), "base": range(0, 12, 3), "student": RIGHT[weighting]},
        )
        for weighting in ("uniform", "softmax", "shuffled")
        for seed in (0, 1)
    ]
    return runs_of(tmp_path_factory.mktemp("outputs"), told)


@pytest.fixture(scope="session")
def hostile_comparison(hostile_runs: list[FinishedRun]) -> Comparison:
    """Return a comparison of these whose words are hostile, too."""
    found = comparison_of(hostile_runs, title="<i>title</i>", arms=ARMS)
    return replace(found, notes=(EVIL,), sentences=(*found.sentences, EVIL))


@pytest.fixture(scope="session")
def hostile_page(hostile_comparison: Comparison, hostile_runs: list[FinishedRun]) -> Page:
    """Return the page of all of these."""
    return page_of(hostile_comparison, hostile_runs)
