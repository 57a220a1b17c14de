"""JSON files of a sweep that several processes write: whole or not there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

from advdistill.errors import DataError


def write_json(path: Path, value: object) -> None:
    """Write a file that is there whole or not at all, whoever else writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{uuid4().hex}.tmp")
    draft.write_text(json.dumps(value, indent=1, ensure_ascii=False))
    draft.replace(path)


def read_json(path: Path, wanted: str) -> dict[str, Any]:
    """Return the object that a file holds.

    Raises:
        DataError: it is missing or no JSON object; `wanted` says what should be there.
    """
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}); wanted {wanted}") from error
    if not isinstance(value, dict):
        raise DataError(f"{path} holds no JSON object; wanted {wanted}")
    return value
