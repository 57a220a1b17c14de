"""Rows to Parquet and back; a record's annotations are its schema."""

from __future__ import annotations

import os
import types
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from enum import StrEnum
from functools import cache
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
    hints = get_type_hints(record)
    return pa.schema([_field(field.name, hints[field.name]) for field in fields(record)])


def to_table(record: type[Record], rows: Sequence[Record]) -> pa.Table:
    """Return the rows as a table of the record's schema."""
    columns = {name: [getattr(row, name) for row in rows] for name in schema_of(record).names}
    return pa.table(columns, schema=schema_of(record))


def to_rows(record: type[Record], table: pa.Table) -> list[Record]:
    """Return the table's rows as records."""
    convert = _converters(record)
    columns = [
        [convert[name](value) for value in column] if name in convert else column
        for name, column in table.to_pydict().items()
    ]
    return [
        record(**dict(zip(table.column_names, values, strict=True)))
        for values in zip(*columns, strict=True)
    ]


def write_rows(path: Path, record: type[Record], batches: Iterable[Sequence[Record]]) -> int:
    """Write the batches as one Parquet file, whole or not at all; return the number of rows."""
    count = 0
    draft = path.with_name(path.name + ".tmp")
    try:
        with pq.ParquetWriter(draft, schema_of(record)) as writer:
            for rows in batches:
                writer.write_table(to_table(record, rows))
                count += len(rows)
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
    try:
        with pq.ParquetFile(path) as file:
            if not file.schema_arrow.equals(schema_of(record)):
                raise DataError(
                    f"{path}: has the columns {file.schema_arrow.names}; wanted those of "
                    f"{record.__name__}, {schema_of(record).names}; delete it to make it anew"
                )
            for group in range(file.num_row_groups):
                yield to_rows(record, file.read_row_group(group))
    except (DataError, FileNotFoundError):
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{path}: no whole Parquet file ({error}); delete it") from error


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


@cache
def _converters(record: type) -> dict[str, Any]:
    hints = get_type_hints(record)
    enums = {
        name: hint
        for name, hint in hints.items()
        if isinstance(hint, type) and issubclass(hint, StrEnum)
    }
    lists = {
        name: lambda value: None if value is None else tuple(value)
        for name in hints
        if pa.types.is_list(schema_of(record).field(name).type)
    }
    return {**enums, **lists}
