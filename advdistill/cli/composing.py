"""The configuration as a command's arguments spell it, by Hydra's compose API."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from advdistill.build import TARGET
from advdistill.errors import ConfigError
from advdistill.shipped import conf_folder

if TYPE_CHECKING:
    from omegaconf import DictConfig


def compose_run(overrides: Sequence[str]) -> DictConfig:
    """Return the configuration that `python run.py` with these overrides has.

    Raises:
        ConfigError: an override names what is not there, or cannot be read.
    """
    return _composed("config", overrides)


def compose_run_with_hydra(overrides: Sequence[str]) -> DictConfig:
    """Return the same with Hydra's own settings and the chosen options below `hydra`.

    Raises:
        ConfigError: an override names what is not there, or cannot be read.
    """
    return _composed("config", overrides, with_hydra=True)


def compose_groups(defaults: Mapping[str, str], overrides: Sequence[str]) -> DictConfig:
    """Return a configuration of these groups alone; `defaults` maps each to its usual option.

    Raises:
        ConfigError: an override names what is not there, or cannot be read.
    """
    node = {"defaults": [{group: option} for group, option in defaults.items()]}
    ConfigStore.instance().store(name=_COMMAND, node=node)
    return _composed(_COMMAND, overrides)


def options_of(group: str) -> list[str]:
    """Return the names of a group's options, sorted."""
    return sorted(path.stem for path in (conf_folder() / group).glob("*.yaml"))


def overrides_and_rest(arguments: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the arguments that are settings, and the others.

    A setting holds a `=`; a file of such a name that exists is a file.
    """
    overrides: list[str] = []
    rest: list[str] = []
    for argument in arguments:
        is_setting = "=" in argument and not Path(argument).is_file()
        (overrides if is_setting else rest).append(argument)
    return overrides, rest


_COMMAND = "command"


def _composed(name: str, overrides: Sequence[str], *, with_hydra: bool = False) -> DictConfig:
    try:
        with initialize_config_dir(version_base="1.3", config_dir=str(conf_folder())):
            return compose(name, overrides=list(overrides), return_hydra_config=with_hydra)
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        raise ConfigError(_explained(name, overrides, str(error))) from error


def _explained(name: str, overrides: Sequence[str], said: str) -> str:
    """Return Hydra's message in one line, with the settings there are where one is not known."""
    # What follows these is advice for another command, or the folders searched.
    for end in ("Config search path", "To append to your", "See https"):
        said = said.partition(end)[0]
    message = " ".join(said.split()).removeprefix(f"In '{_COMMAND}': ").rstrip(".")
    unknown = re.search(r"Could not override '([\w@./]+)\.(\w+)'", message)
    if not unknown:
        return f"{message} (settings given: {' '.join(overrides) or 'none'})"
    group, field = unknown.groups()
    others = [one for one in overrides if not one.startswith(f"{group}.{field}=")]
    parent = OmegaConf.select(_composed(name, others), group)
    known = [str(key) for key in parent or () if key != TARGET]
    near = get_close_matches(field, known, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    return f"{group}.{field}: unknown setting{hint} ({group} has: {', '.join(known) or 'none'})"
