"""Content digests and cache keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

_HOW = "how"
HOW = {_HOW: True}
"""The metadata of a field that changes time and memory and no result: it is part of no key."""


def digest_of_json(value: object) -> str:
    """Return the sha256 of the value's canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode()).hexdigest()


def digest_of_file(path: Path) -> str:
    """Return the sha256 of a file's bytes."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def digest_of_path(path: Path) -> str:
    """Return the digest of a file, or of all files below a folder with their names."""
    if path.is_file():
        return digest_of_file(path)
    return digest_of_json(
        {str(file.relative_to(path)): digest_of_file(file) for file in files_below(path)}
    )


def files_below(folder: Path) -> list[Path]:
    """Return every file below the folder, hidden ones left out, in a fixed order."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def settings_of(component: object) -> dict[str, Any]:
    """Return a component's class and fields as plain JSON values: what its key is made of.

    A field that holds components holds their settings, so that nothing below is left out. One
    that says how and not what (`HOW`) is.
    """
    cls = type(component)
    return {
        "class": f"{cls.__module__}.{cls.__qualname__}",
        **{
            field.name: _plain(getattr(component, field.name))
            for field in fields(component)  # pyright: ignore[reportArgumentType]
            if not field.metadata.get(_HOW)
        },
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if is_dataclass(value):
        return settings_of(value)
    return value
