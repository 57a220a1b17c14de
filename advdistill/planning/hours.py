"""How long what must be made will take, from how long the like of it took here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log

import numpy as np

from advdistill.hardware import Hardware
from advdistill.planning.looking import READ, Looked, Planned
from advdistill.timings import Timing

FEW = 2.0
"""Two timings of a kind or one say nothing of their spread: taken as good to this factor."""
_LEAST = 1.25
"""No interval is narrower than by this factor: a machine is not always as busy."""
_SHORT_SECONDS = 0.05
"""Added to both sides of a ratio of two times: below it the clock says little."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Seconds: what is expected, and from where to where it may well be."""

    low: float
    expected: float
    high: float

    def __add__(self, other: Interval) -> Interval:
        """Return the sum, as if all were low or high together."""
        return Interval(
            low=self.low + other.low,
            expected=self.expected + other.expected,
            high=self.high + other.high,
        )

    def times(self, factor: float) -> Interval:
        """Return it so many times."""
        return Interval(
            low=self.low * factor, expected=self.expected * factor, high=self.high * factor
        )


NOTHING = Interval(low=0.0, expected=0.0, high=0.0)


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """The time of all that must be made."""

    total: Interval
    """Of what is known."""
    devices: Interval
    """The same in seconds of a device: a training on several counts as often."""
    by_stage: Mapping[str, Interval]
    sources: Mapping[str, str]
    """By stage, what its time was got from."""
    unknown: Mapping[str, int]
    """By stage, how many steps have no timing to go by."""


def forecast(
    looked: Looked, timings: Iterable[Timing], probed: Iterable[Timing], hardware: Hardware
) -> Forecast:
    """Return the hours of what must be made; records of other hardware are not used.

    A kind that finished artefacts tell of is taken from them, and from the probe otherwise.
    """
    records = _by_kind(timing for timing in timings if timing.hardware == hardware)
    probes = _by_kind(probed)
    by_stage: dict[str, Interval] = {}
    devices = NOTHING
    sources: dict[str, set[str]] = {}
    unknown: dict[str, int] = {}
    for _, step in looked.to_make():
        found = _of(step, looked, records, probes)
        if found is None:
            unknown[step.stage] = unknown.get(step.stage, 0) + 1
            continue
        seconds, source = found
        by_stage[step.stage] = by_stage.get(step.stage, NOTHING) + seconds
        devices += seconds.times(step.processes if step.holds_model else 0)
        sources.setdefault(step.stage, set()).add(source)
    return Forecast(
        total=sum(by_stage.values(), NOTHING),
        devices=devices,
        by_stage=by_stage,
        sources={stage: "; ".join(sorted(found)) for stage, found in sources.items()},
        unknown=unknown,
    )


def expected(timings: Sequence[Timing], units: float) -> Interval:
    """Return how long so many units take, given at least one timing of their kind.

    A start and a time per unit are fitted where the sizes differ enough to tell them apart;
    otherwise the time is in proportion to the units, which is too much for more of them.
    """
    units_T = np.array([timing.units for timing in timings])
    seconds_T = np.array([timing.seconds for timing in timings])
    start, rate = _line(units_T, seconds_T)
    guess = start + rate * units
    factor = _factor(seconds_T, start + rate * units_T)
    return Interval(low=guess / factor, expected=guess, high=guess * factor)


def _of(
    step: Planned,
    looked: Looked,
    records: Mapping[str, list[Timing]],
    probes: Mapping[str, list[Timing]],
) -> tuple[Interval, str] | None:
    if step.stage in READ:
        seconds = looked.read_seconds[step.key]
        interval = Interval(low=seconds / FEW, expected=seconds, high=seconds * FEW)
        return interval, "done by the plan"
    if timings := records.get(step.kind):
        return expected(timings, step.units), f"{len(timings)} finished"
    if timings := probes.get(step.kind):
        sizes = ", ".join(f"{timing.units:g}" for timing in timings)
        return expected(timings, step.units), f"probe of {sizes}"
    return None


def _line(units_T: np.ndarray, seconds_T: np.ndarray) -> tuple[float, float]:
    if units_T.max() >= 2 * units_T.min() > 0:
        rate, start = np.polyfit(units_T, seconds_T, 1)
        if rate > 0 and start >= 0:
            return float(start), float(rate)
    return 0.0, float(seconds_T.sum() / max(units_T.sum(), 1))


def _factor(seconds_T: np.ndarray, guessed_T: np.ndarray) -> float:
    """Return by which factor one more time may differ, 19 times in 20, from what is expected."""
    from scipy import stats

    count = len(seconds_T)
    if count < 3:
        return FEW
    gaps = [
        log((found + _SHORT_SECONDS) / (guess + _SHORT_SECONDS))
        for found, guess in zip(seconds_T, guessed_T, strict=True)
    ]
    spread = float(np.std(gaps, ddof=1)) * (1 + 1 / count) ** 0.5
    return max(_LEAST, exp(float(stats.t.ppf(0.975, count - 1)) * spread))


def _by_kind(timings: Iterable[Timing]) -> dict[str, list[Timing]]:
    found: dict[str, list[Timing]] = {}
    for timing in timings:
        found.setdefault(timing.kind, []).append(timing)
    return found
