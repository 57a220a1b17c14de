"""Judging many answers, whatever they hold: costly work is done where it can be killed.

The verdicts do not depend on the batch, on the order or on the number of processes.
"""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from advdistill.answers import AnswerFormat
from advdistill.interfaces import Costly, Judge, Verifier
from advdistill.killable import Call, Processes
from advdistill.killable_worker import Stopped, said
from advdistill.records import TOTAL, Prompt, Response, Reward, Verdict
from advdistill.verdicts import reward

_IN_FLIGHT = 32
"""Costly answers per process that may wait for their verdict while quick ones are given."""


@contextmanager
def open_judge(
    verifier: Verifier, answer_format: AnswerFormat, *, processes: int
) -> Iterator[Judge]:
    """Yield the verifier as a function of many answers; its processes end with the block."""
    with closing(Processes(processes)) as workers:

        def judge(answers: Sequence[tuple[Prompt, Response]]) -> list[list[Reward]]:
            judged: list[list[Reward]] = []
            flying: deque[tuple[int, _Flight]] = deque()
            for place, (prompt, response) in enumerate(answers):
                rows = _quickly(verifier, prompt, response, answer_format)
                if isinstance(rows, Costly):
                    flying.append((place, _Flight(rows, workers)))
                    rows = []
                judged.append(rows)
                if len(flying) > _IN_FLIGHT * processes:
                    _land(flying, judged)
            while flying:
                _land(flying, judged)
            return judged

        yield judge


def _quickly(
    verifier: Verifier, prompt: Prompt, response: Response, answer_format: AnswerFormat
) -> list[Reward] | Costly:
    """Return what the verifier says, or an error where it raises."""
    try:
        return verifier.judge(prompt, response, answer_format=answer_format)
    except Exception as error:
        return [reward(response, TOTAL, Verdict.error, detail=said(error))]


class _Flight:
    """A costly verdict on its way."""

    def __init__(self, costly: Costly, workers: Processes) -> None:
        self._costly = costly
        try:
            work = pickle.dumps(costly.work)
        except Exception as error:
            self._call = Stopped(late=False, detail=f"the work does not pickle: {said(error)}")
        else:
            self._call = workers.start(work, seconds=costly.seconds, megabytes=costly.megabytes)

    def rows(self) -> list[Reward]:
        """Wait for its rows."""
        outcome = self._call.result() if isinstance(self._call, Call) else self._call
        if isinstance(outcome, Stopped):
            verdict = Verdict.timeout if outcome.late else Verdict.error
            return self._costly.killed(verdict, outcome.detail)
        return outcome


def _land(flying: deque[tuple[int, _Flight]], judged: list[list[Reward]]) -> None:
    place, flight = flying.popleft()
    judged[place] = flight.rows()
