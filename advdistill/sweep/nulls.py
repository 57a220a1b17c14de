"""Null cells: what a weighting must beat before its weights can be said to matter.

- shuffled: the weights of a weighting, mixed up among the answers of each prompt;
- matched_random: the same, mixed up among all answers of the pool;
- uniform at equal tokens: every judged answer weighs 1, and the training ends after as many
  response tokens as that of the weighting.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from advdistill.errors import ConfigError
from advdistill.sweep.grid import Axis, Point

WEIGHTING = "weighting"
MIXED = ("shuffled", "matched_random")
EQUAL_TOKENS = "uniform at equal tokens"
_UNIFORM = "uniform"


def with_controls(points: Sequence[Point]) -> list[Point]:
    """Return the points, those of a control weighting marked as such."""
    return [
        Point(
            settings=point.settings,
            levels=point.levels,
            control=point.levels.get(WEIGHTING) in MIXED,
        )
        for point in points
    ]


def nulls_of(
    axes: Sequence[Axis], points: Sequence[Point], of: Sequence[str] | None
) -> list[Point]:
    """Return the null cells of a sweep; none where it does not vary the weighting.

    Raises:
        ConfigError: `of` names a weighting that is not swept.
    """
    swept = next((axis.values for axis in axes if axis.key == WEIGHTING and axis.swept), ())
    chosen = _chosen(swept, of)
    return [
        null
        for point in points
        if point.settings.get(WEIGHTING) in chosen
        for null in (*_mixed(point), *_uniform(point))
    ]


def _chosen(swept: Sequence[str], of: Sequence[str] | None) -> list[str]:
    own = [name for name in swept if name not in (*MIXED, _UNIFORM)]
    if of is None:
        return own[:1]
    strange = [name for name in of if name not in own]
    if swept and strange:
        raise ConfigError(
            f"sweep: null_of names '{strange[0]}'; wanted weightings of this sweep that are "
            f"neither uniform nor controls ({', '.join(own) or 'there is none'})"
        )
    return [name for name in own if name in of]


def _mixed(point: Point) -> Iterator[Point]:
    """Yield the cells that mix up the point's weights."""
    of = point.settings[WEIGHTING]
    inner = {
        key.replace(f"{WEIGHTING}.", f"{WEIGHTING}.of.", 1) if _is_field(key) else key: value
        for key, value in point.settings.items()
    }
    for option in MIXED:
        yield Point(
            settings={**inner, WEIGHTING: option, f"{WEIGHTING}@{WEIGHTING}.of": of},
            levels={**point.levels, WEIGHTING: f"{option} of {of}"},
            control=True,
        )


def _uniform(point: Point) -> Iterator[Point]:
    settings = {key: value for key, value in point.settings.items() if not _is_field(key)}
    yield Point(
        settings={**settings, WEIGHTING: _UNIFORM},
        levels={**point.levels, WEIGHTING: f"{EQUAL_TOKENS} as {point.settings[WEIGHTING]}"},
        control=True,
        equal_to=point,
    )


def _is_field(key: str) -> bool:
    return key.lstrip("+~").startswith(f"{WEIGHTING}.")
