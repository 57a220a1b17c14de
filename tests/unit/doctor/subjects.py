"""Machines and runs for the checks, whole but for what a test changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from advdistill.cache import Artefact, Cache
from advdistill.cli.grid import plan_from
from advdistill.config import Plan
from advdistill.doctor.subject import Machine, Subject
from advdistill.hardware import Gpu
from advdistill.planning.looking import READ, Looked, Silent, look
from advdistill.steps import Step, walk

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
    return Subject(machine=on or machine(), plans=lambda: [((), plan(outputs, *overrides))])


def plan(outputs: Path, *overrides: str) -> Plan:
    """Return the plan of one cell of the small quickstart."""
    outputs.mkdir(exist_ok=True)
    return replace(_plan(overrides), outputs=outputs)


def looked(outputs: Path, scratch: Path, *cells: Sequence[str]) -> Looked:
    """Return the steps of cells of the small quickstart, one for each list of overrides."""
    return look([(tuple(one), plan(outputs, *one)) for one in cells], scratch)


def finish(one: Plan, stages: Mapping[str, Mapping[str, object]]) -> None:
    """Leave artefacts of these stages in the plan's cache, with this said of them.

    Prompts are real; of the others there is one file that names its recipe.
    """
    cache = Cache(one.outputs / "cache")

    def take(step: Step) -> Artefact:
        def make(draft: Path) -> Mapping[str, object]:
            if step.stage in READ:
                return step.maker(draft, Silent())
            (draft / "made.txt").write_text(step.recipe.key)
            return {"line": "", **stages[step.stage]}

        if step.stage in READ or step.stage in stages:
            return cache.make(step.recipe, make)
        return Artefact(
            folder=one.outputs, recipe=step.recipe, digest="none", files={}, meta={}, made=False
        )

    walk(one, cache.root, take)


@cache
def _plan(overrides: tuple[str, ...]) -> Plan:
    with TemporaryDirectory() as folder:  # composing takes longer than a check
        return plan_from(("+experiment=quickstart_small", f"outputs={folder}", *overrides))
