"""Machines and runs for the checks, whole but for what a test changes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from advdistill.cli.grid import cells_of
from advdistill.cli.plan import plan_from
from advdistill.doctor.subject import Machine, Subject
from advdistill.hardware import Gpu
from advdistill.planning.looking import Looked, look

GIB = 2**30
VERSIONS = {
    "advdistill": "0.1.0",
    "antlr4-python3-runtime": "4.9.3",
    "lm-eval": "0.4.13",
    "torch": "2.13.0+cpu",
}
REQUIRES = {"advdistill": ["lm-eval>=0.4.11,<0.5", "ray>=2; extra == 'ray'"]}


def gpu(*, used: int = 0, memory: int = 80 * GIB) -> Gpu:
    """Return one device."""
    return Gpu(name="H100", memory_bytes=memory, used_bytes=used)


def machine(**changed: object) -> Machine:
    """Return a machine of two idle cores on which all is well."""
    sound: dict[str, object] = {
        "versions": VERSIONS,
        "requires": lambda name: REQUIRES.get(name, []),
        "environ": {},
        "home": Path("/nowhere"),
        "cores": 2,
        "load": 0.0,
        "gpus": [],
        "cuda": lambda: None,
        "memory_bytes": 16 * GIB,
        "free_bytes": lambda _: 100 * GIB,
    }
    return Machine(**{**sound, **changed})  # type: ignore[arg-type]


def subject(outputs: Path, *overrides: str, on: Machine | None = None) -> Subject:
    """Return the small quickstart, changed as the overrides say."""
    given = ["+experiment=quickstart_small", f"outputs={outputs}", *overrides]
    return Subject(
        machine=on or machine(),
        plans=lambda: [(cell, plan_from(cell)) for cell in cells_of(given)],
    )


def looked(outputs: Path, scratch: Path, *overrides: Sequence[str]) -> Looked:
    """Return the steps of cells of the small quickstart, one for each list of overrides."""
    given = ("+experiment=quickstart_small", f"outputs={outputs}")
    cells = [(tuple(one), plan_from([*given, *one])) for one in overrides]
    return look(cells, scratch)
