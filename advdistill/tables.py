"""Rows to Parquet and back; a record's annotations are its schema."""

from __future__ import annotations

import os
import types
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from enum import StrEnum
from functools import cache
from itertools import repeat
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import pyarrow as pa
import pyarrow.parquet as pq

from advdistill.errors import DataError

Record = TypeVar("Record")

_PLAIN = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}


@cache
def schema_of(record: type) -> pa.Schema:
    """Return the Arrow schema that a record's annotations spell."""
    hints = _hints(record)
    return pa.schema([_field(field.name, hints[field.name]) for field in fields(record)])


def to_table(record: type[Record], rows: Sequence[Record]) -> pa.Table:
    """Return the rows as a table of the record's schema; half a surrogate pair becomes `?`."""
    schema = schema_of(record)
    columns = {name: list(map(attrgetter(name), rows)) for name in schema.names}
    try:
        return pa.table(columns, schema)
    except UnicodeEncodeError:
        encodable = {name: list(map(_encodable, column)) for name, column in columns.items()}
        return pa.table(encodable, schema)


def to_rows(record: type[Record], table: pa.Table) -> list[Record]:
    """Return the table's rows as records."""
    # Column by column into empty rows: the __init__ of a frozen record takes five times as long.
    rows = list(map(object.__new__, repeat(record, table.num_rows)))
    for name, column in zip(table.column_names, table.columns, strict=True):
        values = _values(_hints(record)[name], column)
        deque(map(getattr(record, name).__set__, rows, values), maxlen=0)
    return rows


def write_rows(path: Path, record: type[Record], batches: Iterable[Sequence[Record]]) -> int:
    """Write the batches as one Parquet file, whole or not at all; return the number of rows."""
    return write_tables(path, record, (to_table(record, rows) for rows in batches))


def write_tables(path: Path, record: type, tables: Iterable[pa.Table]) -> int:
    """Write tables of the record's schema, as `write_rows` does rows."""
    count = 0
    draft = path.with_name(path.name + ".tmp")
    try:
        with pq.ParquetWriter(draft, schema_of(record)) as writer:
            for table in tables:
                writer.write_table(table)
                count += table.num_rows
        settle(draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return count


def read_rows(path: Path, record: type[Record]) -> list[Record]:
    """Return every row of a file that `write_rows` wrote.

    Raises:
        DataError: the file cannot be read or has another schema.
    """
    return [row for batch in read_batches(path, record) for row in batch]


def read_batches(path: Path, record: type[Record]) -> Iterator[list[Record]]:
    """Yield the rows in the batches in which they were written."""
    with _opened(path, record) as file:
        for group in range(file.num_row_groups):
            yield to_rows(record, file.read_row_group(group))


def read_table(path: Path, record: type, columns: Sequence[str] | None = None) -> pa.Table:
    """Return a file that `write_rows` or `write_tables` wrote, or some of its columns.

    Raises:
        DataError: the file cannot be read or has another schema.
    """
    with _opened(path, record) as file:
        return file.read(columns)


@contextmanager
def _opened(path: Path, record: type) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(path) as file:
            if not file.schema_arrow.equals(schema_of(record)):
                raise DataError(
                    f"{path}: has the columns {file.schema_arrow.names}; wanted those of "
                    f"{record.__name__}, {schema_of(record).names}; delete it to make it anew"
                )
            yield file
    except (DataError, FileNotFoundError):
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{path}: no whole Parquet file ({error}); delete it") from error


def count_rows(path: Path) -> int:
    """Return the number of rows of a file, which are not read."""
    return pq.read_metadata(path).num_rows


def settle(draft: Path, path: Path) -> None:
    """Give a finished draft file its name, after its bytes are on the disk."""
    descriptor = os.open(draft, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    draft.replace(path)


def _field(name: str, hint: Any) -> pa.Field:
    if get_origin(hint) in (Union, types.UnionType):
        (inner,) = (part for part in get_args(hint) if part is not types.NoneType)
        return pa.field(name, _type(inner), nullable=True)
    return pa.field(name, _type(hint), nullable=False)


def _type(hint: Any) -> pa.DataType:
    if get_origin(hint) is tuple:
        return pa.list_(_PLAIN[get_args(hint)[0]])
    return pa.string() if issubclass(hint, StrEnum) else _PLAIN[hint]


def _values(hint: Any, column: pa.ChunkedArray) -> list[Any]:
    """Return what a record holds: tuples for lists, and members of enumerations for their values.

    Raises:
        ValueError: a value is no member.
    """
    values = column.to_pylist()
    if pa.types.is_list(column.type):
        return [None if value is None else tuple(value) for value in values]
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        members = {value: hint(value) for value in set(values)}
        return [members[value] for value in values]
    return values


def _encodable(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_encodable, value))
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


_hints = cache(get_type_hints)
