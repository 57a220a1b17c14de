"""The files in which answers travel, and how the answers of a store are written into each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from advdistill.pool.shards import Stored
from advdistill.records import Finish
from advdistill.tables import settle

SETTING = "setting_"
"""What the columns begin with that hold the settings of the teacher."""
_BATCH_ROWS = 1024
_MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string())])
_COLUMNS = {
    "prompt_id": pa.string(),
    "key": pa.string(),
    "sample": pa.int64(),
    "messages": pa.list_(_MESSAGE),
    "response": pa.string(),
    "tokens": pa.int64(),
    "finish": pa.string(),
    "logprob_sum": pa.float64(),
    "logprob_mean": pa.float64(),
    "teacher": pa.string(),
    "store": pa.string(),
}
_REASONS = {Finish.stop: "stop", Finish.length: "length", Finish.error: "content_filter"}
"""What an answer's end is called in a chat completion."""


class Format(StrEnum):
    """A kind of file."""

    parquet = "parquet"
    """One row per answer, with the messages and the teacher's settings as columns."""
    jsonl = "jsonl"
    """The same rows as JSON Lines."""
    openai_batch = "openai-batch"
    """The output file of OpenAI's batch API: `custom_id` is `<prompt id>#<sample>`."""
    lm_eval = "lm-eval"
    """The samples that lm-eval logs: all answers to a prompt in one line."""


Row = dict[str, Any]


def rows_of(
    form: Format, groups: Iterable[Sequence[Stored]], *, store: str, about: Mapping[str, Any]
) -> Iterator[Row]:
    """Yield the rows of a file; each group holds the answers to one prompt."""
    teacher: Mapping[str, Any] = about["teacher"]
    match form:
        case Format.parquet | Format.jsonl:
            settings = {f"{SETTING}{name}": _flat(value) for name, value in teacher.items()}
            return (_plain(row, store, settings) for group in groups for row in group)
        case Format.openai_batch:
            return (_completion(row) for group in groups for row in group)
        case Format.lm_eval:
            return (_logged(number, group) for number, group in enumerate(groups))


def write_parquet(path: Path, rows: Iterator[Row], *, about: Mapping[str, Any]) -> int:
    """Write rows of `Format.parquet`, whole or not at all; return how many."""
    schema = _schema(about["teacher"])
    draft = path.with_name(f"{path.name}.tmp")
    count, batch = 0, []
    try:
        with pq.ParquetWriter(draft, schema) as writer:
            for row in rows:
                batch.append(row)
                count += 1
                if len(batch) == _BATCH_ROWS:
                    writer.write_table(pa.Table.from_pylist(batch, schema))
                    batch.clear()
            writer.write_table(pa.Table.from_pylist(batch, schema))
        settle(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    return count


def _plain(row: Stored, store: str, settings: Row) -> Row:
    return {
        "prompt_id": row.prompt_id,
        "key": row.key,
        "sample": row.sample,
        "messages": json.loads(row.asked),
        "response": row.text,
        "tokens": row.tokens,
        "finish": row.finish.value,
        "logprob_sum": row.logprob_sum,
        "logprob_mean": row.logprob_mean,
        "teacher": row.teacher,
        "store": store,
        **settings,
    }


def _schema(teacher: Mapping[str, Any]) -> pa.Schema:
    settings = {
        f"{SETTING}{name}": pa.string() if flat is None else pa.scalar(flat).type
        for name, flat in ((name, _flat(value)) for name, value in teacher.items())
    }
    return pa.schema(list({**_COLUMNS, **settings}.items()))


def _flat(value: object) -> str | int | float | bool | None:
    """Return a setting that is not one value as JSON."""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _completion(row: Stored) -> Row:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": row.text},
        "logprobs": None,
        "finish_reason": _REASONS[row.finish],
    }
    body = {
        "id": f"chatcmpl-{row.key}-{row.sample}",
        "object": "chat.completion",
        "model": row.teacher,
        "choices": [choice],
        "usage": None if row.tokens is None else {"completion_tokens": row.tokens},
    }
    return {
        "id": f"batch_req_{row.key}-{row.sample}",
        "custom_id": f"{row.prompt_id}#{row.sample}",
        "response": {"status_code": 200, "request_id": f"{row.key}-{row.sample}", "body": body},
        "error": None,
    }


def _logged(number: int, group: Sequence[Stored]) -> Row:
    first = group[0]
    doc = {"prompt_id": first.prompt_id, "messages": json.loads(first.asked)}
    texts = [row.text for row in group]
    return {
        "doc_id": number,
        "doc": doc,
        "target": "",
        "arguments": {"gen_args_0": {"arg_0": first.asked, "arg_1": {}}},
        "resps": [texts],
        "filtered_resps": texts[:1],
        "filter": "none",
        "metrics": [],
        "doc_hash": _hash(json.dumps(doc, indent=2, ensure_ascii=False)),
        "prompt_hash": _hash(first.asked),
        "target_hash": _hash(""),
    }


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
