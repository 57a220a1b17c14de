"""The configuration that comes with the package: where it lies, and what its options are."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

import advdistill
from advdistill.build import TARGET
from advdistill.errors import ConfigError


def conf_folder() -> Path:
    """Return where the groups' YAML files lie: in the package of a wheel, beside it in a checkout.

    Raises:
        ConfigError: they are in neither place.
    """
    package = Path(str(advdistill.__file__)).parent.resolve()
    for folder in (package / "conf", package.parent / "conf"):
        if (folder / "config.yaml").is_file():
            return folder
    raise ConfigError(
        f"{package} has no folder conf in it or beside it; wanted the configuration that comes "
        "with advdistill; install it again"
    )


def option_of(group: str, node: Mapping[str, Any]) -> str:
    """Return how a resolved component is spelt: its nearest option and the fields that differ.

    A component that stands in another, such as the weighting that is shuffled, follows in
    parentheses; a class that no option has goes by its own name.
    """
    near = [
        (name, _differing(raw, node))
        for name, raw in _options(group).items()
        if raw.get(TARGET) == node[TARGET]
    ]
    unknown = (str(node[TARGET]).rpartition(".")[2], _plain(node))
    option, fields = min(near, key=lambda one: len(one[1]), default=unknown)
    within = [option_of(group, part) for value in node.values() for part in _parts(value)]
    inner = f"({', '.join(within)})" if within else ""
    return " ".join([f"{option}{inner}", *(f"{key}={value}" for key, value in fields.items())])


@cache
def _options(group: str) -> dict[str, dict[str, Any]]:
    """Return the group's YAML files as they stand, by the option's name."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted((conf_folder() / group).glob("*.yaml")):
        raw: Any = OmegaConf.to_container(OmegaConf.load(path))
        found[path.stem] = raw
    return found


def _differing(raw: Mapping[str, Any], node: Mapping[str, Any]) -> dict[str, Any]:
    """Return the node's plain fields that are not as the option says, interpolations aside."""
    return {
        key: value
        for key, value in _plain(node).items()
        if not str(raw.get(key)).startswith("${") and raw.get(key) != value
    }


def _plain(node: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value
        for key, value in node.items()
        if key != TARGET and not isinstance(value, Mapping)
    }


def _parts(value: object) -> list[Mapping[str, Any]]:
    """Return the components in a field: itself, or those it holds by name."""
    if not isinstance(value, Mapping):
        return []
    if TARGET in value:
        return [value]
    return [part for part in value.values() if isinstance(part, Mapping) and TARGET in part]
