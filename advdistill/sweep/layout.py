"""A sweep laid out: its cells with their resolved configurations, in the order they run in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypedDict

from advdistill.budget import BudgetUnit
from advdistill.config import Plan
from advdistill.digests import digest_of_json, settings_of
from advdistill.errors import ConfigError
from advdistill.records import Split
from advdistill.sweep.finished import Finished
from advdistill.sweep.grid import Axis, Point, points_of
from advdistill.sweep.ledger import CellFile
from advdistill.sweep.nulls import EQUAL_TOKENS, nulls_of, with_controls
from advdistill.sweeping import SweepSettings

KEY_DIGITS = 32
"""Of a plan's key, as the marker of its record has them."""

Planner = Callable[[tuple[str, ...]], Plan]
"""Returns the plan that overrides spell; asked twice for the same, it remembers."""

_BUDGET = "budget"


def lay_out(axes: Sequence[Axis], settings: SweepSettings, plan_for: Planner) -> list[CellFile]:
    """Return the cells of the grid and its null cells, those first that make a pool of answers.

    A cell that is spelt twice is one. A cell that waits for another's tokens comes last.

    Raises:
        ConfigError: a cell cannot work; it is named, and nothing has been spent.
    """
    grid = points_of(axes)
    controls = nulls_of(axes, grid, settings.null_of) if settings.nulls else []
    cells: dict[str, CellFile] = {}
    for point in (*with_controls(grid), *controls):
        cell = _cell(point, plan_for)
        cells.setdefault(cell.id, cell)
    return _ordered(cells.values())


def resolved(cell: CellFile, of: Finished, plan_for: Planner) -> CellFile:
    """Return a waiting cell with the tokens of the finished one that it waits for.

    Raises:
        ConfigError: it cannot work.
    """
    tokens = of.stages["train"].meta["tokens"]
    prompts = of.stages["load"].meta["prompts"][Split.train.value]
    overrides = equal_tokens(cell.overrides, tokens / prompts)
    plan = planned(overrides, plan_for)
    return replace(cell, key=key_of(plan), overrides=overrides, **_configuration(plan))


def planned(overrides: Sequence[str], plan_for: Planner) -> Plan:
    """Return the plan of a cell.

    Raises:
        ConfigError: it cannot work; the message begins with what spells the cell.
    """
    try:
        return plan_for(tuple(overrides))
    except ConfigError as error:
        raise ConfigError(f"cell '{' '.join(overrides)}': {error}") from error


def key_of(plan: Plan) -> str:
    """Return the part of a plan's key that its record goes by."""
    return plan.key[:KEY_DIGITS]


def _cell(point: Point, plan_for: Planner) -> CellFile:
    plan = planned(point.overrides, plan_for)
    of = _waits_for(point, plan, plan_for)
    return CellFile(
        id=key_of(plan) if of is None else digest_of_json({EQUAL_TOKENS: of})[:KEY_DIGITS],
        key=key_of(plan) if of is None else None,
        overrides=point.overrides,
        levels=dict(point.levels),
        seed=plan.settings.seed,
        control=point.control,
        pool=_pool_of(plan),
        equal_to=of,
        **_configuration(plan),
    )


def _waits_for(point: Point, plan: Plan, plan_for: Planner) -> str | None:
    """Return the key of the cell whose tokens a point must know of.

    None for most, and where the budget of all cells is one of tokens.
    """
    if point.equal_to is None or plan.budget.unit is BudgetUnit.tokens:
        return None
    planned(equal_tokens(point.overrides, 1.0), plan_for)  # found out now if that cannot work
    return key_of(planned(point.equal_to.overrides, plan_for))


class _Configuration(TypedDict):
    tracking: str
    config: Mapping[str, object]
    choices: Mapping[str, str]


def _configuration(plan: Plan) -> _Configuration:
    return _Configuration(
        tracking=digest_of_json(settings_of(plan.tracking)),
        config=plan.config,
        choices=plan.choices,
    )


def _pool_of(plan: Plan) -> str:
    """Return the digest of what the pool of answers and its verdicts are made from."""
    groups = {group: settings_of(getattr(plan, group)) for group in _POOL}
    return digest_of_json({**groups, "identities": dict(plan.identities)})


_POOL = ("dataset", "teacher", "sampling", "answer_format", "verifier")


def _ordered(cells: Iterable[CellFile]) -> list[CellFile]:
    """Return the cells, the first of each pool ahead."""
    every = list(cells)
    firsts = {cell.pool: cell.id for cell in reversed(every)}.values()
    return sorted(every, key=lambda cell: (cell.equal_to is not None, cell.id not in firsts))


def equal_tokens(overrides: Iterable[str], per_prompt: float) -> list[str]:
    """Return the overrides with a budget of so many response tokens per training prompt."""
    others = [one for one in overrides if not _is_budget(one)]
    return [*others, f"{_BUDGET}=tokens", f"{_BUDGET}.amount={per_prompt!r}"]


def _is_budget(override: str) -> bool:
    key = override.lstrip("+~").partition("=")[0]
    return key == _BUDGET or key.startswith(f"{_BUDGET}.")
