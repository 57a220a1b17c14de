"""The cells that `run.py` would run with some arguments, null cells among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, open_dict

from advdistill.cli.composing import compose_run_with_hydra
from advdistill.config import Plan, plan_of, sweep_settings_of
from advdistill.errors import ConfigError
from advdistill.sweep.grid import Axis, points_of
from advdistill.sweep.layout import equal_tokens, lay_out


@dataclass(frozen=True, kw_only=True)
class GridCell:
    """One cell."""

    overrides: tuple[str, ...]
    plan: Plan
    control: bool
    """Whether it is a null cell."""


def cells_of(overrides: Sequence[str]) -> list[GridCell]:
    """Return each cell in the order in which they would run; one where nothing is swept.

    A comma, a range or `seeds` above 1 sweeps, as does `+sweep=NAME`; `-m` need not be given. A
    null cell that is to see as many tokens as another, trained one, has a budget of its own that
    stands for them.

    Raises:
        ConfigError: an override cannot be read, or a cell cannot work.
    """
    axes, cfg = _axes(overrides)
    if len(points_of(axes)) == 1:
        plan = plan_from(tuple(overrides))
        return [GridCell(overrides=tuple(overrides), plan=plan, control=False)]
    cells = lay_out(axes, sweep_settings_of(cfg), plan_from)
    spelt = [
        tuple(cell.overrides if cell.equal_to is None else equal_tokens(cell.overrides, 1 + place))
        for place, cell in enumerate(cells)
    ]
    return [
        GridCell(overrides=one, plan=plan_from(one), control=cell.control)
        for one, cell in zip(spelt, cells, strict=True)
    ]


@cache
def plan_from(overrides: tuple[str, ...]) -> Plan:
    """Return the plan of one cell.

    Raises:
        ConfigError: a setting is wrong.
    """
    cfg = compose_run_with_hydra(overrides)
    choices = dict(cfg.hydra.runtime.choices)
    with open_dict(cfg):
        del cfg["hydra"]
    return plan_of(cfg, choices)


def _axes(overrides: Sequence[str]) -> tuple[list[Axis], DictConfig]:
    """Return the axes, the command's and those of `hydra.sweeper.params`, and the rest composed.

    Raises:
        ConfigError: an override cannot be read, or spans an interval.
    """
    try:
        given = OverridesParser.create().parse_overrides(list(overrides))
        steady = [one.input_line or "" for one in given if not one.is_sweep_override()]
        cfg = compose_run_with_hydra(steady)
        params = [f"{name}={value}" for name, value in (cfg.hydra.sweeper.params or {}).items()]
        every = OverridesParser.create().parse_overrides([*params, *overrides])
        axes = {one.get_key_element(): _axis(one) for one in every}
    except HydraException as error:
        found = " ".join(str(error).split())
        raise ConfigError(f"{found} (settings given: {' '.join(overrides)})") from error
    return list(axes.values()), cfg


def _axis(override: Override) -> Axis:
    key = override.get_key_element()
    if not override.is_sweep_override():
        value = str(override.get_value_element_as_str())
        return Axis(key=key, values=(value,), swept=False)
    if not override.is_discrete_sweep():
        raise ConfigError(
            f"'{override.input_line}' spans an interval; wanted values, as in A,B or range(3)"
        )
    return Axis(key=key, values=tuple(override.sweep_string_iterator()), swept=True)
