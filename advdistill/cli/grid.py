"""The cells that `run.py` would run with some arguments, as Hydra's own sweeper splits them."""

from __future__ import annotations

from collections.abc import Sequence

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from advdistill.cli.composing import compose_run_with_hydra
from advdistill.errors import ConfigError


def cells_of(overrides: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the overrides of each cell; one cell where nothing is swept.

    A comma, a range or `seeds` above 1 sweeps, as does `+sweep=NAME`; `-m` need not be given.

    Raises:
        ConfigError: an override cannot be read, or sweeps what cannot be listed.
    """
    try:
        given = OverridesParser.create().parse_overrides(list(overrides))
        steady = [one.input_line or "" for one in given if not one.is_sweep_override()]
        hydra = compose_run_with_hydra(steady).hydra
        parameters = [f"{name}={value}" for name, value in (hydra.sweeper.params or {}).items()]
        swept = OverridesParser.create().parse_overrides([*parameters, *overrides])
        [cells] = BasicSweeper.split_arguments(swept, None)
    except HydraException as error:
        found = " ".join(str(error).split())
        raise ConfigError(f"{found} (settings given: {' '.join(overrides)})") from error
    return [tuple(cell) for cell in cells] if len(cells) > 1 else [tuple(overrides)]
