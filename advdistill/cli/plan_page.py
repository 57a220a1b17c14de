"""A plan as a page for the screen, and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict

from advdistill.cli.showing import short
from advdistill.costs import unit_of
from advdistill.hardware import Hardware
from advdistill.planning.hours import Forecast, Interval
from advdistill.planning.looking import Looked, Planned, PlannedCell, State
from advdistill.planning.needs import Tokens, disk_of, memory_of, pools

SHOWN = 60
"""Cells on the screen; JSON has all."""
_MARKS = {State.cached: "·", State.made: "make"}


def as_json(looked: Looked, found: Forecast, hardware: Hardware) -> dict[str, object]:
    """Return everything that the page shows, and the keys."""
    return {
        "hardware": asdict(hardware),
        "cells": [_cell_json(cell) for cell in looked.cells],
        "pools": {key: asdict(tokens) for key, tokens in pools(looked).items()},
        "memory_bytes": {one.what: one.parts for one in memory_of(looked)},
        "disk_bytes": asdict(disk_of(looked)),
        "seconds": asdict(found.total),
        "device_seconds": asdict(found.devices),
        "seconds_by_stage": {stage: asdict(one) for stage, one in found.by_stage.items()},
        "got_from": dict(found.sources),
        "unknown": dict(found.unknown),
    }


def page(looked: Looked, found: Forecast, hardware: Hardware) -> str:
    """Return the tables and the lines below them."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=None if Console().is_terminal else 120, highlight=False)
    cells = Table("cell", box=None, header_style="bold", padding=(0, 1))
    names = list(dict.fromkeys(step.name for cell in looked.cells for step in cell.steps))
    for name in ("settings", *(_title(name) for name in names)):
        cells.add_column(name, overflow="fold")
    common = _common(looked)
    for cell in looked.cells[:SHOWN]:
        marks = {step.name: _mark(step) for step in cell.steps}
        settings = " ".join(one for one in cell.overrides if one not in common)
        told = Text(short(settings or "as given", 60))
        cells.add_row(str(cell.number), told, *(marks.get(name, "") for name in names))
    stages = Table("stage", box=None, header_style="bold", padding=(0, 1))
    for name in ("cached", "shared", "to make", "units", "time", "from ... to", "got from"):
        stages.add_column(name, justify="left" if name == "got from" else "right")
    for row in _stage_rows(looked, found):
        stages.add_row(*row)
    with console.capture() as captured:
        console.print(cells)
        if len(looked.cells) > SHOWN:
            console.print(f"and {len(looked.cells) - SHOWN} more; --json lists all")
        console.print("· cached   make: to be made   =N: cell N makes it\n")
        console.print(stages)
        for line in _lines(looked, found, hardware):
            console.print(line, soft_wrap=True, markup=False)
    return captured.get()


def spelt(seconds: float) -> str:
    """Return a time in the unit that suits it."""
    for unit, size in (("h", 3600.0), ("min", 60.0)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def sized(count: float) -> str:
    """Return bytes in the unit that suits them."""
    for unit, size in (("GiB", 2**30), ("MiB", 2**20)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count / 2**10:.0f} KiB"


def _lines(looked: Looked, found: Forecast, hardware: Hardware) -> Iterator[str]:
    states = Counter(step.state for cell in looked.cells for step in cell.steps)
    yield (
        f"\nSteps   {states.total()} in {len(looked.cells)} cells = {states[State.cached]} cached "
        f"+ {states[State.shared]} shared + {states[State.made]} to make"
    )
    for tokens in pools(looked).values():
        yield f"Tokens  {_told(tokens)}"
    for memory in memory_of(looked):
        parts = " + ".join(f"{sized(count)} {name}" for name, count in memory.parts.items())
        yield f"Memory  {memory.what}: {sized(memory.total)} = {parts}"
    disk = disk_of(looked)
    yield f"Disk    {sized(disk.kept)} kept, {sized(disk.while_training)} more while training"
    yield f"Time    {_spelt(found.total)} on {hardware}"
    if hardware.gpus:
        yield f"GPU     {_spelt(found.devices)} of one device"
    if found.unknown:
        steps = ", ".join(f"{stage} ({count})" for stage, count in found.unknown.items())
        yield f"        without {steps}, which nothing finished here tells of; give --probe"


def _stage_rows(looked: Looked, found: Forecast) -> Iterator[list[str]]:
    steps = [step for cell in looked.cells for step in cell.steps]
    for stage in dict.fromkeys(step.stage for step in steps):
        alike = [step for step in steps if step.stage == stage]
        states = Counter(step.state for step in alike)
        units = sum(step.units for step in alike if step.state is State.made)
        interval = found.by_stage.get(stage)
        yield [
            stage,
            str(states[State.cached]),
            str(states[State.shared]),
            str(states[State.made]),
            f"{units:g} {unit_of(stage)}" if states[State.made] else "",
            spelt(interval.expected) if interval else "?" * bool(states[State.made]),
            f"{spelt(interval.low)} ... {spelt(interval.high)}" if interval else "",
            found.sources.get(stage, ""),
        ]


def _told(tokens: Tokens) -> str:
    asked = f"{tokens.answers} answers to {tokens.prompts} prompts"
    if tokens.found is not None:
        return f"{asked}: {tokens.found} response tokens in the pool"
    return f"{asked}" + ("" if tokens.most is None else f": at most {tokens.most} response tokens")


def _spelt(one: Interval) -> str:
    return f"{spelt(one.expected)} ({spelt(one.low)} to {spelt(one.high)})"


def _mark(step: Planned) -> str:
    return _MARKS.get(step.state, f"={step.maker}")


def _title(name: str) -> str:
    return name.removeprefix("evaluate/")


def _common(looked: Looked) -> set[str]:
    """Return the settings that all of several cells have."""
    if len(looked.cells) == 1:
        return set()
    return set.intersection(*(set(cell.overrides) for cell in looked.cells))


def _cell_json(cell: PlannedCell) -> Mapping[str, object]:
    return {
        "number": cell.number,
        "key": cell.plan.key,
        "overrides": list(cell.overrides),
        "steps": {
            step.name: {
                "state": step.state.value,
                "key": step.key,
                "cell": step.maker,
                "units": step.units,
            }
            for step in cell.steps
        },
    }
