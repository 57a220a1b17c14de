"""How often the scores of a set of test items were looked at.

<outputs>/looks/<digest of the items>.jsonl: a line for each comparison, appended and never changed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from advdistill.compare.claims import Looks
from advdistill.digests import digest_of_json
from advdistill.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Look:
    """One comparison's question to a set of test items."""

    task: str
    items_digest: str
    checkpoints: tuple[str, ...]
    """Digests of the students whose scores were compared, sorted."""
    metric: str
    question: str
    """What was asked, such as `weighting against uniform`."""
    margin: float
    """In points."""

    @property
    def identity(self) -> str:
        """Equal for the same question to the same scores, which shows nothing new."""
        return digest_of_json(asdict(self))


def record_look(outputs: Path, look: Look) -> Looks:
    """Append the look and return how often these items were looked at by now.

    Raises:
        DataError: the file is damaged or cannot be written.
    """
    path = outputs / "looks" / f"{look.items_digest[:32]}.jsonl"
    row = {"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "look": look.identity, **asdict(look)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            with path.open("a") as file:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
            rows = _rows(path)
    except OSError as error:
        raise DataError(
            f"{path} cannot be written ({error.strerror}); wanted to record that these test items "
            "are looked at, since a result that was chosen among many looks is worth less; make "
            "the outputs folder writable"
        ) from error
    return _counted(look, rows)


def _counted(look: Look, rows: Sequence[dict[str, Any]]) -> Looks:
    return Looks(
        task=look.task,
        items_digest=look.items_digest,
        looks=len({row["look"] for row in rows}),
        checkpoints=len({one for row in rows for one in row["checkpoints"]}),
        margins=tuple(dict.fromkeys(float(row["margin"]) for row in rows)),
    )


def _rows(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        try:
            row = json.loads(line)
            rows.append({name: row[name] for name in ("look", "checkpoints", "margin")})
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{path}, line {number} is damaged ({error!r}); wanted the record of every look at "
                "these items; restore the file, or move it away to begin a new count"
            ) from error
    return rows
