"""One line of JSON to a problem and an answer to it."""

from __future__ import annotations

import json
from difflib import get_close_matches
from enum import StrEnum
from math import isfinite
from typing import Any, TypeVar

from advdistill.cli.lines import LONGEST_LINE
from advdistill.cli.options import as_text, letter_of, options_of, sort_of
from advdistill.errors import DataError
from advdistill.records import AnswerKind, Finish, Prompt, Response, Split

Row = dict[str, Any]
_Member = TypeVar("_Member", bound=StrEnum)


def read_row(line: bytes) -> Row:
    """Return the row that a line spells; its numbers keep the digits they are written with.

    Raises:
        DataError: it is not one JSON object in UTF-8, or too long.
    """
    if len(line) > LONGEST_LINE:
        raise DataError(f"longer than {LONGEST_LINE // 2**20} MiB; wanted a shorter row")
    try:
        row = json.loads(
            line.decode("utf-8-sig"),
            parse_int=_whole,
            parse_float=_decimal,
            parse_constant=lambda _: None,  # NaN and Infinity, which JSON does not have
        )
    except UnicodeDecodeError as error:
        byte = f"byte {line[error.start]:#04x} at column {error.start + 1}"
        raise DataError(f"{byte} is not UTF-8; wanted UTF-8 text") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"not valid JSON ({error}); wanted one JSON object a line") from error
    if not isinstance(row, dict):
        raise DataError(f"found {sort_of(row)}; wanted one JSON object a line")
    return row


def id_of(row: Row) -> str | int | float | None:
    """Return the row's own id, which its verdict repeats.

    Raises:
        DataError: it is neither text nor a number.
    """
    value = row.get("id")
    if isinstance(value, dict | list | bool):
        raise DataError(f"'id' is {sort_of(value)}; wanted text or a number")
    return value


def pair_of(row: Row, name: str) -> tuple[Prompt, Response]:
    """Return the problem, called `name`, and the answer to it.

    Raises:
        DataError: the row lacks `gold` or `response`, or a column holds what it cannot.
    """
    given = options_of(row["choices"]) if row.get("choices") is not None else None
    kind = _member(row, "kind", AnswerKind) or (AnswerKind.choice if given else AnswerKind.text)
    gold = _needed(row, "gold")
    lettered = given if kind is AnswerKind.choice else None
    prompt = Prompt(
        prompt_id=name,
        split=Split.test,
        question=as_text(row.get("question") or "", "question"),
        answer=letter_of(gold, lettered) if lettered else as_text(gold, "gold"),
        kind=kind,
        choices=given.texts if given else None,
        metadata=_metadata(row.get("metadata")),
    )
    response = Response(
        prompt_id=name,
        sample=0,
        text=as_text(_needed(row, "response"), "response"),
        tokens=_tokens(row.get("tokens")),
        finish=_member(row, "finish", Finish) or Finish.stop,
        teacher="",
    )
    return prompt, response


class _Decimal(float):
    """A number that remembers its digits."""

    __slots__ = ("digits",)
    digits: str

    def __str__(self) -> str:
        return self.digits


def _decimal(digits: str) -> _Decimal | str:
    number = _Decimal(digits)
    number.digits = digits
    return number if isfinite(number) else digits


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= 4000 else digits  # Python refuses to read longer ones


def _needed(row: Row, name: str) -> object:
    if name in row:
        return row[name]
    near = get_close_matches(name, row, n=1)
    found = ", ".join(map(str, row))[:200] or "none"
    hint = f"; did you mean '{near[0]}'?" if near else ""
    raise DataError(f"no '{name}' (columns found: {found}); wanted 'gold' and 'response'{hint}")


def _member(row: Row, name: str, kind: type[_Member]) -> _Member | None:
    """Return the member that a column names, None where there is no such column."""
    value = row.get(name)
    if value is None or value in list(kind):
        return None if value is None else kind(value)
    raise DataError(f"'{name}' is {sort_of(value)}; wanted one of {', '.join(kind)}")


def _tokens(value: object) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    raise DataError(f"'tokens' is {sort_of(value)}; wanted a whole number or null")


def _metadata(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    try:
        return json.dumps(value)
    except RecursionError as error:
        raise DataError("'metadata' is nested too deeply; wanted a flatter object") from error
