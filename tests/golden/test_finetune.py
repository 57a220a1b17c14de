"""Loss and gradient norm of five steps of a tiny random model, as they were on one CPU.

`python -m tests.golden.test_finetune` writes the file anew; do so only when numbers are meant to
change, and say so in the commit.
"""

import json
import tempfile
from pathlib import Path

import accelerate
import pytest
import torch
import transformers

from tests.tiny import pool, tiny_model
from tests.unit.student.students import OBJECTIVE, Notebook, job, student

GOLDEN = Path(__file__).parent / "finetune.json"


def five_steps(folder: Path) -> dict[str, list[float]]:
    notebook = Notebook()
    one = student(tiny_model(folder / "base"), max_steps=5)
    one.train(OBJECTIVE, pool(10, 4), folder=folder / "out", job=job(notebook))
    return {name: [*notebook.column(name).values()] for name in ("loss", "gradient_norm")}


@pytest.mark.parametrize("name", ["loss", "gradient_norm"])
def test_five_steps_are_as_recorded(tmp_path: Path, name: str) -> None:
    wanted = json.loads(GOLDEN.read_text())
    assert five_steps(tmp_path)[name] == pytest.approx(wanted[name], rel=1e-5)


def write() -> None:
    versions = {module.__name__: module.__version__ for module in (torch, transformers, accelerate)}
    with tempfile.TemporaryDirectory() as folder:
        found = {"versions": versions, **five_steps(Path(folder))}
    GOLDEN.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    write()
