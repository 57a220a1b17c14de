"""How often two verifiers part on the same answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from advdistill.records import Prompt, Response, Reward, Verdict


@dataclass(frozen=True, kw_only=True)
class Judged:
    """An answer with its problem and verdict."""

    prompt: Prompt
    response: Response
    total: Reward
    second: Reward | None = None
    """What the second verifier made of it."""


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """Two verifiers on the same answers."""

    table: Mapping[tuple[Verdict, Verdict], int]
    """Answers by the first and the second verdict."""
    compared: int
    """Answers of which both know whether they are right."""
    only_first: int
    """Answers that the first verifier alone passes."""
    only_second: int
    low: float
    high: float
    """The 95 % interval of the share that only one passes (Wilson 1927)."""

    @property
    def share(self) -> float:
        """The share of the compared answers that only one verifier passes."""
        return (self.only_first + self.only_second) / max(self.compared, 1)


def disagreement_of(judged: Sequence[Judged]) -> Disagreement:
    """Return how often the two verifiers of these answers part."""
    from scipy.stats import binomtest

    pairs = [(one.total, one.second) for one in judged if one.second is not None]
    compared = sum(None not in (first.value, second.value) for first, second in pairs)
    apart = [one for one in judged if parts(one)]
    only_first = sum(one.total.verdict is Verdict.passed for one in apart)
    interval = (
        binomtest(len(apart), compared).proportion_ci(method="wilson") if compared else (0.0, 1.0)
    )
    return Disagreement(
        table=Counter((first.verdict, second.verdict) for first, second in pairs),
        compared=compared,
        only_first=only_first,
        only_second=len(apart) - only_first,
        low=float(interval[0]),
        high=float(interval[1]),
    )


def parts(judged: Judged) -> bool:
    """Return whether both verifiers know if the answer is right, and only one passes it."""
    first, second = judged.total, judged.second
    if second is None or None in (first.value, second.value):
        return False
    return (first.verdict is Verdict.passed) != (second.verdict is Verdict.passed)
