"""Reasoning-gym's scorers, given no answer that they would run as code.

Of the tasks of version 0.1.25, four pass a wrong answer to `eval` and five pass any answer to
sympy's `parse_expr`, which is built on it; all others read it with parsers of their own.
"""

import ast
import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from reasoning_gym.factory import DATASETS, get_score_answer_fn

from advdistill.errors import DataError
from advdistill.records import Reward, Verdict
from advdistill.verdicts import with_total


def judged(row: Reward, metadata: str | None, *, pass_at: float) -> list[Reward]:
    """Return the row with the score of its answer, and a total that says the same.

    Raises:
        DataError: the metadata names no task that can be scored.
        Exception: whatever a scorer raises, but for what says that the answer is no such value.
    """
    task, entry = _task_and_entry(row.prompt_id, metadata)
    answer = row.answer or ""
    scorer = _scorer(task)
    if (guard := _GUARDS.get(task)) and not guard(answer):
        return _unparsed(row, f"the scorer of '{task}' would run this answer as code")
    try:
        score = float(scorer(answer=answer, entry=entry))
    except (ValueError, ArithmeticError) as error:  # int("seven"), Fraction(1, 0)
        return _unparsed(row, f"the scorer of '{task}' cannot read it: {str(error)[:80]}")
    if not math.isfinite(score):
        raise DataError(f"prompt '{row.prompt_id}': the scorer of '{task}' gave {score}")
    verdict = Verdict.passed if score >= pass_at else Verdict.failed
    return with_total(replace(row, value=score, verdict=verdict))


def _unparsed(row: Reward, detail: str) -> list[Reward]:
    return with_total(replace(row, value=0.0, verdict=Verdict.unparsed, answer=None, detail=detail))


def _task_and_entry(prompt_id: str, metadata: str | None) -> tuple[str, dict[str, Any]]:
    """Return the task's name and the problem as its scorer wants it."""
    try:
        found = json.loads(metadata or "null")
        task, entry = str(found["task"]), dict(found["entry"])
        task = str(entry["metadata"]["source_dataset"]) if task == "composite" else task
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"prompt '{prompt_id}': metadata is {str(metadata)[:60]!r}; wanted JSON of a 'task' "
            "and its 'entry'; take the prompts from the data set 'reasoning_gym'"
        ) from error
    if task not in DATASETS:
        raise DataError(
            f"prompt '{prompt_id}': reasoning-gym has no task '{task}'; wanted one of its own; "
            "take the prompts from the data set 'reasoning_gym'"
        )
    if task in _COMPARES_TUPLES:  # JSON made lists of them, which are never equal to tuples
        board = tuple(tuple(line) for line in entry["metadata"]["output"])
        entry = {**entry, "metadata": {**entry["metadata"], "output": board}}
    return task, entry


_COMPARES_TUPLES = ("arc_agi", "rearc")


@cache
def _scorer(task: str) -> Callable[..., float]:
    """Return the scorer, which knows the task's default settings only."""
    return get_score_answer_fn(task)


def _runs_nothing(answer: str) -> bool:
    """Return whether `eval` makes a literal or a name of the answer, or refuses it."""
    try:
        tree = ast.parse(answer, mode="eval")
    except SyntaxError:
        return True
    except (ValueError, RecursionError, MemoryError):
        return False
    return all(isinstance(node, _LITERALS) for node in ast.walk(tree))


_LITERALS = (
    *(ast.Expression, ast.List, ast.Tuple, ast.Constant),
    *(ast.Name, ast.Load, ast.UnaryOp, ast.USub),
)


def _is_arithmetic(answer: str) -> bool:
    return re.fullmatch(r"[0-9+\-*/() ]{1,200}", answer) is not None and "**" not in answer


def _is_algebra(answer: str) -> bool:
    """Return whether an answer has no names but variables and functions, and no attributes."""
    if not re.fullmatch(r"[A-Za-z0-9+\-*/()^. ]{1,1000}", answer):
        return False
    names = re.findall(r"[A-Za-z]+", answer)
    has_attribute = re.search(r"\. *[A-Za-z]", answer) is not None
    return not has_attribute and all(map(_FUNCTIONS.fullmatch, names))


_FUNCTIONS = re.compile(r"[A-Za-z]|a?(?:sin|cos|tan)h?|cot|sec|csc|exp|log|ln|sqrt|pi")
_GUARDS: dict[str, Callable[[str], bool]] = {
    "binary_matrix": _runs_nothing,
    "n_queens": _runs_nothing,
    "spiral_matrix": _runs_nothing,
    "string_insertion": _runs_nothing,
    "countdown": _is_arithmetic,
    "puzzle24": _is_arithmetic,
    "simple_integration": _is_algebra,
    "intermediate_integration": _is_algebra,
    "polynomial_multiplication": _is_algebra,
}
