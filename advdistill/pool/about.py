"""What all answers of a store have in common, and where it therefore lies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from advdistill.digests import digest_of_json
from advdistill.errors import DataError
from advdistill.tables import settle

ABOUT = "about.json"


def store_folder(root: Path, about: Mapping[str, object]) -> Path:
    """Return where the answers lie that have this in common."""
    return root / digest_of_json(about)[:32]


def read_about(folder: Path) -> dict[str, object]:
    """Return what a store's answers have in common.

    Raises:
        DataError: the folder is no store.
    """
    try:
        return json.loads((folder / ABOUT).read_text())
    except (OSError, ValueError) as error:
        raise DataError(
            f"{folder}: is no store of answers ({error}); wanted a folder with {ABOUT}"
        ) from error


def write_about(folder: Path, about: Mapping[str, object]) -> None:
    """Begin a store.

    Raises:
        DataError: the folder is about other answers.
    """
    path = folder / ABOUT
    if path.exists():
        found = read_about(folder)
        if digest_of_json(found) != digest_of_json(about):
            raise DataError(
                f"{path}: is not about these answers; wanted what the folder's name stands for; "
                "it was changed or swapped: move the folder away"
            )
        return
    draft = folder / f"{ABOUT}.draft"
    draft.write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n")
    settle(draft, path)
