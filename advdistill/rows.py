"""Rows of local files and of the hub, each with its place, and their division into splits."""

import gzip
import json
import math
import re
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path

from advdistill.errors import DataError
from advdistill.records import Split

Row = Mapping[str, object]
"""One row as it was read: column name to value."""

SUFFIXES = (".jsonl", ".jsonl.gz", ".json", ".parquet")


def read_rows(path: Path) -> Iterator[tuple[str, Row]]:
    """Yield the rows of a file, or of a folder's files in the order of their names.

    Each comes with its place, such as `train.jsonl:17`, counted from 1.

    Raises:
        DataError: a file is missing, empty, torn, or holds something that is no row.
    """
    for file in data_files(path):
        number = 0
        for number, row in _parquet_rows(file) if file.suffix == ".parquet" else _json_rows(file):
            yield f"{file.name}:{number}", row
        if number == 0:
            raise DataError(f"{file} is empty; wanted at least one row; remove or replace the file")


def data_files(path: Path) -> list[Path]:
    """Return the file itself, or the data files that stand directly in the folder, sorted."""
    check_exists(path)
    entries = sorted(path.iterdir()) if path.is_dir() else [path]
    files = [file for file in entries if file.name.endswith(SUFFIXES)]
    if not files:
        found = ", ".join(entry.name for entry in entries[:5]) or "nothing"
        wanted = ", ".join(SUFFIXES)
        raise DataError(f"{path}: found {found}; wanted {wanted}; convert the rows to one of them")
    return files


def check_exists(path: Path) -> None:
    """Do nothing where there is such a file or folder.

    Raises:
        DataError: there is none; the message says what to set or correct.
    """
    if not path.exists():
        unset = re.search(r"(\w+)_is_not_set", str(path))
        remedy = f"set the environment variable {unset[1]}" if unset else "correct the path"
        raise DataError(f"{path} does not exist; wanted a file or folder of rows; {remedy}")


def read_hub(
    hub: str, *, subset: str | None, split: str, revision: str | None, setting: str
) -> Iterator[tuple[str, Row]]:
    """Yield the rows of one split of a data set on the hub; `setting` takes a local copy instead.

    Raises:
        DataError: the hub cannot be reached, or it has no such data set, subset or split.
    """
    import datasets

    try:
        rows = datasets.load_dataset(hub, subset, split=split, revision=revision)
    except Exception as error:  # the client lets errors of several libraries through
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(
            f"hub data set '{hub}' at revision {revision}: split '{split}' of subset {subset} "
            f"cannot be loaded ({reason}); wanted the hub or its cache; give a local copy with "
            f"`{setting}=FOLDER`, or load it once with network and set HF_HUB_OFFLINE=1"
        ) from error
    place = "/".join(filter(None, (hub, subset, split)))
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise DataError(f"{place}:{number} is no row; choose a data set of rows")
        yield f"{place}:{number}", row


def column(row: Row, name: str, where: str) -> object:
    """Return the value of a column.

    Raises:
        DataError: there is no such column; the message lists those there are.
    """
    if name in row:
        return row[name]
    near = get_close_matches(name, list(row), n=1)
    raise DataError(
        f"{where}: no column '{name}'; found {', '.join(row) or 'none'}; "
        + (f"did you mean '{near[0]}'?" if near else "name one of these in the configuration")
    )


def text(row: Row, name: str, where: str, *, blank: bool = False) -> str:
    """Return the value of a column as text; numbers are written out, blank text only if allowed.

    Raises:
        DataError: the value is neither text nor a finite number, or blank where it must not be.
    """
    value = column(row, name, where)
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return str(value)
    if not isinstance(value, str):
        raise DataError(f"{where}: '{name}' is {value!r:.80}; wanted text; correct the row")
    if not blank and not value.strip():
        raise DataError(f"{where}: '{name}' is empty; wanted text; correct or remove the row")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"{where}: '{name}' holds half a character ({error.object[error.start]!r}); "
            "wanted whole ones; correct the row"
        ) from error
    return value


def assign(
    keys: Sequence[str], sizes: Mapping[Split, int | None], *, seed: int
) -> list[Split | None]:
    """Return the split of each row by its key; test and dev are taken first, None takes the rest.

    Rows with one key never go to two splits: where the last key taken has more rows than are still
    wanted, the others are left out. The choice hashes (seed, split, key), so the order of the rows
    plays no part, a larger size keeps what a smaller one chose, and more training rows leave test
    and dev as they are.

    Raises:
        DataError: there are fewer rows than asked for, or none is left to train on.
    """
    left: dict[str, list[int]] = defaultdict(list)
    for row, key in enumerate(keys):
        left[key].append(row)
    splits: list[Split | None] = [None] * len(keys)
    for split in (Split.test, Split.dev, Split.train):
        chosen = _draw(left, sizes.get(split, 0), seed=seed, split=split)
        for row in chosen:
            splits[row] = split
            left.pop(keys[row], None)
    if sizes.get(Split.train, 0) != 0 and Split.train not in splits:
        taken = " and ".join(f"{split}={splits.count(split)}" for split in (Split.test, Split.dev))
        raise DataError(f"{len(keys)} prompts: {taken} leave none for train; ask for fewer")
    return splits


def _draw(
    rows: Mapping[str, Sequence[int]], size: int | None, *, seed: int, split: Split
) -> list[int]:
    """Return `size` rows, those whose hash of (seed, split, key) is lowest; None takes all."""
    keys = sorted(rows, key=lambda key: sha256(f"{seed}\x1f{split}\x1f{key}".encode()).digest())
    ordered = [row for key in keys for row in rows[key]]
    if size is not None and size > len(ordered):
        raise DataError(f"{split}: {size} prompts asked for, {len(ordered)} there; ask for fewer")
    return ordered[:size]


def _json_rows(file: Path) -> Iterator[tuple[int, Row]]:
    for number, line in _lines(file):
        where = f"{file.name}:{number}"
        value = _parsed(line, where)
        if not isinstance(value, dict):
            raise DataError(
                f"{where}: found {type(value).__name__} {value!r:.40}; "
                "wanted one JSON object a line; convert the file to JSON Lines"
            )
        yield number, value


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    number = 0
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as handle:
            for number, line in enumerate(handle, start=1):
                if line.strip():
                    yield number, line
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{file.name}:{number + 1}: cannot be read ({error}); "
            "wanted a whole file; copy or download it again"
        ) from error


def _parsed(line: bytes, where: str) -> object:
    try:
        return json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise DataError(
            f"{where}: byte {line[error.start]:#04x} at column {error.start + 1} is not UTF-8; "
            "wanted UTF-8 text; convert the file's encoding"
        ) from error
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{where}: not valid JSON ({error}); wanted one JSON object a line; "
            "the line may be torn: write the file again or remove the line"
        ) from error


def _parquet_rows(file: Path) -> Iterator[tuple[int, Row]]:
    import pyarrow
    from pyarrow.parquet import ParquetFile

    number = 0
    try:
        with ParquetFile(file) as table:
            batches = table.iter_batches(batch_size=1024)
            rows = (row for batch in batches for row in batch.to_pylist())
            for number, row in enumerate(rows, start=1):
                yield number, row
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise DataError(
            f"{file.name}:{number + 1}: cannot be read ({error}); "
            "wanted a whole Parquet file; copy or download it again"
        ) from error
