"""From a configuration node to a type-checked component."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any, TypeVar

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from advdistill.errors import ConfigError

Component = TypeVar("Component")

TARGET = "_target_"


def build(group: str, node: DictConfig, interface: type[Component]) -> Component:
    """Return the component that `_target_` names, with the node's fields.

    Raises:
        ConfigError: no such class, an unknown or missing field, a wrong type or a bad range.
    """
    cls = _class_of(group, node)
    _check_names(group, node, [field.name for field in fields(cls)])
    given = _resolved(group, node)
    try:
        merged = OmegaConf.merge(OmegaConf.structured(cls), OmegaConf.create(given))
        settings = {name: _native(merged[name]) for name in given}
    except OmegaConfBaseException as error:
        where = f"{group}.{error.full_key}" if error.full_key else group
        raise ConfigError(f"{where}: {_first_line(error)}; see conf/{group}/*.yaml") from error
    with naming(group):
        component = cls(**settings)
    if not isinstance(component, interface):
        raise ConfigError(
            f"{group}.{TARGET}: {node[TARGET]} is no {interface.__name__}; wanted a class with "
            f"the methods of advdistill.interfaces.{interface.__name__}"
        )
    return component


def build_settings(cfg: DictConfig, cls: type[Component]) -> Component:
    """Return the top-level scalars of the configuration as `cls`.

    Raises:
        ConfigError: one is missing, of another type or out of range.
    """
    names = [field.name for field in fields(cls)]  # pyright: ignore[reportArgumentType]
    try:
        merged: Any = OmegaConf.merge(
            OmegaConf.structured(cls), {name: cfg[name] for name in names}
        )
        return cls(**{name: merged[name] for name in names})
    except OmegaConfBaseException as error:
        where = error.full_key or "top level"
        raise ConfigError(f"{where}: {_first_line(error)}; see conf/config.yaml") from error


@contextmanager
def naming(group: str) -> Iterator[None]:
    """Begin the message of any ConfigError raised inside with the group's name."""
    try:
        yield
    except ConfigError as error:
        if str(error).startswith(group):
            raise
        raise ConfigError(f"{group}: {error}") from error


def _class_of(group: str, node: DictConfig) -> Any:
    if TARGET not in node:
        raise ConfigError(f"{group}: has no {TARGET}; wanted the class to build, see conf/{group}")
    module, _, name = str(node[TARGET]).rpartition(".")
    try:
        cls = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"{group}.{TARGET}: '{node[TARGET]}' cannot be imported ({error}); "
            "wanted package.module.Class of an installed package"
        ) from error
    if not is_dataclass(cls):
        raise ConfigError(f"{group}.{TARGET}: '{node[TARGET]}' is no dataclass; wanted one")
    return cls


def _check_names(group: str, node: DictConfig, known: list[str]) -> None:
    given = [str(name) for name in node if name != TARGET]
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise ConfigError(
                f"{group}.{name}: unknown setting of {node[TARGET]}{hint}; "
                f"it has: {', '.join(known)}"
            )
    for name in known:
        if name not in given or OmegaConf.is_missing(node, name):
            raise ConfigError(f"{group}.{name} is not set; give {group}.{name}=VALUE")


def _resolved(group: str, node: DictConfig) -> dict[Any, Any]:
    try:
        container = OmegaConf.to_container(node, resolve=True)
    except OmegaConfBaseException as error:
        where = error.full_key or group
        raise ConfigError(f"{where}: {_first_line(error)}; see conf/{group}/*.yaml") from error
    assert isinstance(container, dict)
    return {name: value for name, value in container.items() if name != TARGET}


def _native(value: Any) -> Any:
    return OmegaConf.to_container(value) if OmegaConf.is_config(value) else value


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
