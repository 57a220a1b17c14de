"""From a configuration node to a type-checked component."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, make_dataclass
from difflib import get_close_matches
from importlib import import_module
from inspect import isclass
from typing import Any, Generic, Protocol, TypeVar, get_args, get_origin, get_type_hints

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from advdistill.errors import ConfigError

Component = TypeVar("Component")

TARGET = "_target_"


def build(path: str, node: DictConfig, interface: type[Component]) -> Component:
    """Return the component that `_target_` names, with the node's fields.

    A field typed as an interface, or as a dict of one, holds components of its own; one typed as a
    plain dataclass holds that. `path` is where the node stands, such as `verifier` or
    `verifier.parts.correct`.

    Raises:
        ConfigError: no such class, an unknown or missing field, a wrong type or a bad range.
    """
    cls = _class_of(path, node, interface)
    types = get_type_hints(cls)
    names = [field.name for field in fields(cls)]
    _check_names(path, node, names)
    plain = {name: types[name] for name in names if _interface_of(types[name]) is None}
    settings = _settings(path, node, plain, interface)
    parts = {name: _parts(path, node, name, types[name]) for name in names if name not in plain}
    with naming(path):
        component = cls(**settings, **parts)
    if not isinstance(component, interface):
        raise ConfigError(
            f"{path}.{TARGET}: {node[TARGET]} is no {interface.__name__}; wanted a class with "
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
def naming(path: str) -> Iterator[None]:
    """Begin the message of any ConfigError raised inside with the path."""
    try:
        yield
    except ConfigError as error:
        if str(error).startswith(path):
            raise
        raise ConfigError(f"{path}: {error}") from error


def _class_of(path: str, node: DictConfig, interface: type[Any]) -> Any:
    if TARGET not in node:
        raise ConfigError(
            f"{path}: has no {TARGET}; wanted the class to build, see conf/{_group_of(interface)}"
        )
    module, _, name = str(node[TARGET]).rpartition(".")
    try:
        cls = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"{path}.{TARGET}: '{node[TARGET]}' cannot be imported ({error}); "
            "wanted package.module.Class of an installed package"
        ) from error
    if not is_dataclass(cls):
        raise ConfigError(f"{path}.{TARGET}: '{node[TARGET]}' is no dataclass; wanted one")
    return cls


def _check_names(path: str, node: DictConfig, known: list[str]) -> None:
    given = [str(name) for name in node if name != TARGET]
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise ConfigError(
                f"{path}.{name}: unknown setting of {node[TARGET]}{hint}; "
                f"it has: {', '.join(known)}"
            )
    for name in known:
        if name not in given or OmegaConf.is_missing(node, name):
            raise ConfigError(f"{path}.{name} is not set; give {path}.{name}=VALUE")


def _settings(
    path: str, node: DictConfig, types: dict[str, Any], interface: type[Any]
) -> dict[str, Any]:
    """Return the values of the plain fields, each of its type."""
    group = _group_of(interface)
    # the class itself is no schema for OmegaConf, which refuses fields typed as protocols
    schema = OmegaConf.structured(make_dataclass("Settings", types.items()))
    try:
        whole = OmegaConf.to_container(node, resolve=True)
    except OmegaConfBaseException as error:
        where = error.full_key or path
        raise ConfigError(f"{where}: {_first_line(error)}; see conf/{group}/*.yaml") from error
    assert isinstance(whole, dict)
    try:
        merged: Any = OmegaConf.merge(schema, {name: whole[name] for name in types})
        with naming(path):
            return {name: _native(merged[name]) for name in types}
    except OmegaConfBaseException as error:
        where = f"{path}.{error.full_key}" if error.full_key else path
        raise ConfigError(f"{where}: {_first_line(error)}; see conf/{group}/*.yaml") from error


def _parts(path: str, node: DictConfig, name: str, hint: Any) -> Any:
    """Return the component of a field, or its components by name where it is a dict of them."""
    interface = _interface_of(hint)
    assert interface is not None
    inner = _node_of(path, node, name, interface)
    if get_origin(hint) is not dict:
        return build(f"{path}.{name}", inner, interface)
    return {
        str(part): build(
            f"{path}.{name}.{part}",
            _node_of(f"{path}.{name}", inner, str(part), interface),
            interface,
        )
        for part in inner
    }


def _node_of(path: str, node: DictConfig, name: str, interface: type[Any]) -> DictConfig:
    inner = None if OmegaConf.is_missing(node, name) else node[name]
    if not isinstance(inner, DictConfig):
        group = _group_of(interface)
        raise ConfigError(
            f"{path}.{name} is {inner!r}; wanted a component of conf/{group}/; "
            f"choose one with {group}@{path}.{name}=OPTION"
        )
    return inner


def _interface_of(hint: Any) -> type[Any] | None:
    """Return the protocol that a field, or each value of a dict, honours; None for plain ones."""
    inner = get_args(hint)[1] if get_origin(hint) is dict else hint
    return inner if isclass(inner) and Protocol in inner.__mro__ else None


def _group_of(interface: type[Any]) -> str:
    """Return the group whose options fit: `answer_format` for AnswerFormat, `teacher` for Member.

    An interface that narrows another has its group; SweepSettings are those of `sweep`.
    """
    widest = [cls for cls in interface.__mro__ if cls not in (Protocol, Generic, object)][-1]
    name = widest.__name__.removesuffix("Settings")
    return re.sub(r"(?<=.)(?=[A-Z])", "_", name).lower()


def _native(value: Any) -> Any:
    """Return lists, dicts and nested dataclasses as themselves."""
    return OmegaConf.to_object(value) if OmegaConf.is_config(value) else value


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
