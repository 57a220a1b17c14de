"""Where the stores of answers lie, which of them runs use, and how they are told of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from advdistill.cache import MANIFEST
from advdistill.cli.composing import overrides_and_rest
from advdistill.cli.showing import short
from advdistill.errors import ConfigError, DataError
from advdistill.pool.looking import Summary

_NAMED = ("model", "temperature", "top_p", "max_tokens")
"""The settings of a teacher that tell stores apart most often."""


def outputs_and_rest(verb: str, arguments: Iterable[str]) -> tuple[Path, list[str]]:
    """Return the outputs folder that `outputs=FOLDER` names, and the other arguments.

    Raises:
        ConfigError: another setting is given, or there is no such folder.
    """
    settings, rest = overrides_and_rest(arguments)
    outputs = Path("outputs")
    for setting in settings:
        name, _, value = setting.partition("=")
        if name != "outputs":
            raise ConfigError(f"pool {verb}: unknown setting '{setting}'; wanted outputs=FOLDER")
        outputs = Path(value)
    if not outputs.is_dir():
        raise ConfigError(
            f"pool {verb}: there is no folder {outputs}; wanted the outputs of some runs; "
            "give outputs=FOLDER"
        )
    return outputs, rest


def pool_of(outputs: Path) -> Path:
    """Return where the stores of an outputs folder lie."""
    return outputs / "pool"


def used_stores(outputs: Path) -> set[str]:
    """Return the keys of the stores whose answers a finished pool of answers holds.

    Raises:
        DataError: what a finished pool was made of cannot be read.
    """
    used: set[str] = set()
    for path in (outputs / "cache" / "sample").glob(f"*/{MANIFEST}"):
        if path.parent.suffix:  # a draft, or one set aside
            continue
        try:
            used.update(json.loads(path.read_text())["meta"].get("stores", []))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"{path}: cannot be read ({error!r}), so that it is not known which stores are "
                f"used; move {path.parent} away, or give its run again to make it anew"
            ) from error
    return used


def spelt(about: Mapping[str, object]) -> str:
    """Return in one printable line whose answers a store holds."""
    teacher = about.get("teacher")
    if not isinstance(teacher, Mapping):
        return "(names no teacher)"
    settings = [f"{name}={teacher[name]}" for name in _NAMED if name in teacher]
    return short(" ".join([str(teacher.get("class")).rpartition(".")[2], *settings]), 200)


def told(found: Summary) -> str:
    """Return in one line what lies in a store."""
    each = f"{found.fewest}" if found.fewest == found.most else f"{found.fewest} to {found.most}"
    damaged = f" ({found.unreadable} of them unreadable)" * bool(found.unreadable)
    return (
        f"{found.answers} answers to {found.prompts} prompts ({each} each), "
        f"{found.shards} shards{damaged}, {amount(found.size)}"
    )


def amount(size: int) -> str:
    """Return so many bytes as people write them."""
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000  # pyright: ignore[reportAssignmentType]
    return f"{size:.3g} GB"
