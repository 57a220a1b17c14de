"""Data sets as their YAML has them, on files that a test writes."""

import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from omegaconf import OmegaConf
from pyarrow import parquet

from advdistill.build import build
from advdistill.interfaces import Dataset
from advdistill.records import Prompt
from tests.builders import CONF

Rows = Sequence[Mapping[str, object]]


def built(option: str, **changes: Any) -> Any:
    """Return the data set of `conf/dataset/<option>.yaml` with some settings changed."""
    node = OmegaConf.load(CONF / "dataset" / f"{option}.yaml")
    for name, value in changes.items():
        node[name] = str(value) if isinstance(value, Path) else value
    return build("dataset", node, Dataset)


def load(option: str, **changes: Any) -> list[Prompt]:
    """Return its prompts."""
    return list(built(option, **changes).load())


def write(file: Path, rows: Rows) -> Path:
    """Write the rows in the format that the name asks for, and return the file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".parquet":
        parquet.write_table(pa.Table.from_pylist([dict(row) for row in rows]), file)
    else:
        lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
        file.write_bytes(gzip.compress(lines) if file.suffix == ".gz" else lines)
    return file
