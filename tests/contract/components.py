"""Every component that a YAML of `conf` names, built."""

from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from advdistill.build import build
from advdistill.config import INTERFACES, Runtime
from advdistill.limits import Limits
from advdistill.tracking import Tracking
from tests.builders import composed, options

KINDS: dict[str, type[Any]] = {
    **INTERFACES,
    "limits": Limits,
    "runtime": Runtime,
    "tracking": Tracking,
}
OPTIONS = [(group, option) for group in KINDS for option in options(group)]
_FILLED = {"name": "mine", "model": "builtin:tiny_student", "path": "p", "train_path": "p"}
"""Values for the fields that a YAML leaves to the person."""


def component(group: str, option: str, *, train: Path | None = None) -> Any:
    """Return what the YAML builds; a file of problems is read from `train`."""
    cfg = composed(f"{group}={option}")
    given = {**_FILLED, "train_path": str(train)} if train else _FILLED
    _fill(cfg[group], given)
    return build(group, cfg[group], KINDS[group])


built = cache(component)
"""Components are frozen, so that tests may share them."""


def _fill(node: DictConfig, given: dict[str, str]) -> None:
    """Set what is missing in the component and in the components it holds."""
    for name in [str(name) for name in node]:
        if OmegaConf.is_missing(node, name):
            node[name] = given[name]
        elif isinstance(node[name], DictConfig):
            _fill(node[name], given)
