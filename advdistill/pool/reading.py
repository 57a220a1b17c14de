"""Reads answers from the files of others, each as far as its file tells of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

from advdistill.errors import DataError
from advdistill.pool.formats import Format
from advdistill.records import Finish
from advdistill.rows import Row, column, read_rows, text

_FINISHES = {
    "stop": Finish.stop,
    "length": Finish.length,
    "content_filter": Finish.error,
    None: Finish.stop,
}
_QUESTIONS = ("question", "problem")
"""The columns of lm-eval's documents in which a question may stand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer of a file, before its prompt is found; None is what the file does not tell."""

    where: str
    """Its place in the file."""
    prompt_id: str | None = None
    key: str | None = None
    """Of its prompt in a store."""
    asked: str | None = None
    """The chat messages, as JSON."""
    question: str | None = None
    sample: int | None = None
    text: str
    tokens: int | None = None
    finish: Finish = Finish.stop
    logprob_sum: float | None = None
    logprob_mean: float | None = None
    teacher: str | None = None
    store: str | None = None
    """The store that it was exported from."""


def read_answers(path: Path, form: Format) -> Iterator[Answer | None]:
    """Yield the answers of a file; None for a request that has none.

    Raises:
        DataError: the file cannot be read, or holds rows of another format.
    """
    if (path.suffix == ".parquet") != (form is Format.parquet):
        raise DataError(
            f"{path}: goes by another format than {form}; wanted a file in .parquet for parquet "
            "and in .jsonl or .jsonl.gz for the others; give --format FORMAT, or rename the file"
        )
    readers = {
        Format.parquet: _plain,
        Format.jsonl: _plain,
        Format.openai_batch: _completions,
        Format.lm_eval: _logged,
    }
    filtered = None
    for where, row in read_rows(path):
        # lm-eval logs every document once per filter
        filtered = row.get("filter") if filtered is None else filtered
        if form is not Format.lm_eval or row.get("filter") == filtered:
            yield from readers[form](row, where)


def _plain(row: Row, where: str) -> Iterator[Answer]:
    grouped = row.get("responses")
    if grouped is None:
        yield _answer(row, where)
        return
    if not isinstance(grouped, list):
        raise DataError(f"{where}: 'responses' is {grouped!r:.80}; wanted a list of answers")
    shared = {name: row[name] for name in row if name not in ("responses", "sample")}
    for number, answer in enumerate(grouped):
        own = {"response": answer} if isinstance(answer, str) else answer
        place = f"{where}, answer {number}"
        if not isinstance(own, Mapping):
            raise DataError(f"{place}: {answer!r:.80}; wanted an object or text")
        yield _answer({"sample": number, **shared, **own}, place)


def _answer(row: Row, where: str) -> Answer:
    tokens = _whole(row, "tokens", where)
    total = _logprob(row, "logprob_sum", where)
    mean = total / tokens if total is not None and tokens else None
    finish = row.get("finish") or Finish.stop
    if finish not in list(Finish):
        raise DataError(f"{where}: 'finish' is {finish!r:.40}; wanted one of {', '.join(Finish)}")
    return Answer(
        where=where,
        prompt_id=_maybe_text(row, "prompt_id", where),
        key=_maybe_text(row, "key", where),
        asked=None if row.get("messages") is None else _messages(row["messages"], where),
        question=_maybe_text(row, "question", where),
        sample=_whole(row, "sample", where),
        text=text(row, "response", where, blank=True),
        tokens=tokens,
        finish=Finish(finish),
        logprob_sum=total,
        logprob_mean=mean
        if row.get("logprob_mean") is None
        else _logprob(row, "logprob_mean", where),
        teacher=_maybe_text(row, "teacher", where),
        store=_maybe_text(row, "store", where),
    )


def _completions(row: Row, where: str) -> Iterator[Answer | None]:
    prompt_id, sample = _custom_id(text(row, "custom_id", where))
    response = column(row, "response", where)
    if row.get("error") is not None or _inner(response, "status_code") != 200:
        yield None
        return
    body = _inner(response, "body")
    choices = _inner(body, "choices")
    if not isinstance(choices, list) or not choices:
        raise DataError(
            f"{where}: 'response.body.choices' is {choices!r:.80}; wanted a list of some"
        )
    for number, choice in enumerate(choices):
        message, reason = _inner(choice, "message"), _inner(choice, "finish_reason")
        if not isinstance(message, Mapping) or reason not in _FINISHES:
            raise DataError(
                f"{where}: found a choice with the end {reason!r:.40} and the message "
                f"{message!r:.80}; wanted an end of {', '.join(filter(None, _FINISHES))}"
            )
        fields = {
            "response": _spoken(message),
            "tokens": _inner(_inner(body, "usage"), "completion_tokens")
            if len(choices) == 1
            else None,
            "logprob_sum": _summed(_inner(choice, "logprobs")),
            "finish": _FINISHES[reason],
            "prompt_id": prompt_id,
            "sample": None if sample is None else sample + number,
            "teacher": _inner(body, "model"),
        }
        yield _answer(fields, where)


def _logged(row: Row, where: str) -> Iterator[Answer]:
    doc, resps = column(row, "doc", where), column(row, "resps", where)
    if not isinstance(doc, Mapping) or not isinstance(resps, list) or len(resps) != 1:
        raise DataError(
            f"{where}: 'doc' is {doc!r:.40} and 'resps' {resps!r:.40}; wanted the samples of a "
            "task that generates: one document, and one list of its answers"
        )
    texts = resps[0] if isinstance(resps[0], list) else resps
    question = next((doc[name] for name in _QUESTIONS if isinstance(doc.get(name), str)), None)
    messages = doc.get("messages") or _chat(row)
    for number, answer in enumerate(texts):
        if not isinstance(answer, str):
            raise DataError(f"{where}: found {answer!r:.60} as an answer; wanted text")
        fields = {
            "prompt_id": doc.get("prompt_id") or doc.get("id"),
            "question": question,
            "messages": messages if question is None else None,
            "sample": number,
            "response": answer,
        }
        yield _answer(fields, where)


def _chat(row: Row) -> object:
    """Return the messages that a chat model was asked with, if the log has them as JSON."""
    asked = _inner(_inner(row.get("arguments"), "gen_args_0"), "arg_0")
    asked = asked[0] if isinstance(asked, list) and len(asked) == 1 else asked
    if not isinstance(asked, str) or not asked.startswith("["):
        return None
    try:
        return json.loads(asked)
    except ValueError:  # a plain prompt that begins so
        return None


def _custom_id(name: str) -> tuple[str, int | None]:
    prompt_id, mark, sample = name.rpartition("#")
    return (prompt_id, int(sample)) if mark and sample.isdecimal() else (name, None)


def _spoken(message: Mapping[str, Any]) -> str:
    """Return the text of a message, with what the model thought before it in its block."""
    content = message.get("content") or message.get("refusal") or ""
    thought = message.get("reasoning_content")
    return f"<think>\n{thought}\n</think>\n\n{content}" if thought else content


def _summed(logprobs: object) -> float | None:
    found = _inner(logprobs, "content")
    if not isinstance(found, Sequence) or not found:
        return None
    values = [_inner(token, "logprob") for token in found]
    return sum(values) if all(isinstance(value, int | float) for value in values) else None


def _messages(value: object, where: str) -> str:
    """Return chat messages as a store spells them."""
    if not isinstance(value, list) or not all(
        isinstance(_inner(one, name), str) for one in value for name in ("role", "content")
    ):
        raise DataError(
            f"{where}: 'messages' is {value!r:.80}; wanted a list of objects with role and content"
        )
    plain = [{"role": one["role"], "content": one["content"]} for one in value]
    return json.dumps(plain, ensure_ascii=False)


def _inner(value: object, name: str) -> Any:
    """Return a field of an object; None where it is none or lacks it."""
    return value.get(name) if isinstance(value, Mapping) else None


def _maybe_text(row: Row, name: str, where: str) -> str | None:
    return None if row.get(name) is None else text(row, name, where)


def _whole(row: Row, name: str, where: str) -> int | None:
    value = row.get(name)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    raise DataError(f"{where}: '{name}' is {value!r:.40}; wanted a whole number or null")


def _logprob(row: Row, name: str, where: str) -> float | None:
    value = row.get(name)
    if value is None or (isinstance(value, int | float) and -inf < value <= 0):
        return value
    raise DataError(f"{where}: '{name}' is {value!r:.40}; wanted a number up to 0, or null")
