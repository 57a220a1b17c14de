"""Judging by a verifier that is made of others, whose costly work is done together."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from advdistill.interfaces import Costly
from advdistill.records import Reward, Verdict

Judged = list[Reward] | Costly
"""What a verifier makes of one response."""
Combine = Callable[[dict[str, Reward]], list[Reward]]
"""Makes the rows of the whole from one row per part; pickles."""
_Rows = Callable[[], list[Reward]]


def combined(parts: Mapping[str, Judged], combine: Combine) -> Judged:
    """Return what `combine` makes of each part's total, under the name of the part.

    It is costly where a part is, within the limits of all costly parts together.
    """
    costly = [part for part in parts.values() if isinstance(part, Costly)]
    works = {name: part.work if isinstance(part, Costly) else part for name, part in parts.items()}
    if not costly:
        return _rows(works, combine)
    return Costly(
        work=partial(_rows, works, combine),
        killed=partial(_killed, dict(parts), combine),
        seconds=sum(part.seconds for part in costly),
        megabytes=sum(part.megabytes for part in costly),
    )


def _killed(
    parts: Mapping[str, Judged], combine: Combine, verdict: Verdict, detail: str
) -> list[Reward]:
    """Return the rows where the work of the costly parts had to be stopped."""
    known = {
        name: part.killed(verdict, detail) if isinstance(part, Costly) else part
        for name, part in parts.items()
    }
    return _rows(known, combine)


def _rows(parts: Mapping[str, list[Reward] | _Rows], combine: Combine) -> list[Reward]:
    """Return the rows of the whole, the work that is left done first."""
    done = {name: part if isinstance(part, list) else part() for name, part in parts.items()}
    return combine({name: replace(rows[-1], rule=name) for name, rows in done.items()})
