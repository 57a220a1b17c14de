"""Which things share a row: few rows, and none much emptier than the others."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from heapq import heappop, heappush


def filled(sizes: Sequence[int], room: int) -> list[list[int]]:
    """Return the rows, each as the indices of its things; a thing too large for one has its own.

    The largest come first, each into the fullest row that has room for it. If as many rows can be
    filled evenly, each into the emptiest instead, they are.
    """
    order = sorted(range(len(sizes)), key=lambda i: -sizes[i])
    large = [[i] for i in order if sizes[i] >= room]
    small = order[len(large) :]
    tight = _tight(sizes, small, room)
    even = _even(sizes, small, len(tight))
    fits = all(sum(sizes[i] for i in row) <= room for row in even)
    return [*large, *(even if fits else tight)]


def _tight(sizes: Sequence[int], order: Sequence[int], room: int) -> list[list[int]]:
    rows: list[list[int]] = []
    left: list[tuple[int, int]] = []  # what room each row has, in rising order
    for i in order:
        place = bisect_left(left, (sizes[i], 0))
        if place == len(left):
            free, row = room, len(rows)
            rows.append([])
        else:
            free, row = left.pop(place)
        rows[row].append(i)
        insort(left, (free - sizes[i], row))
    return rows


def _even(sizes: Sequence[int], order: Sequence[int], number: int) -> list[list[int]]:
    rows: list[list[int]] = [[] for _ in range(number)]
    loads = [(0, row) for row in range(number)]
    for i in order:
        load, row = heappop(loads)
        rows[row].append(i)
        heappush(loads, (load + sizes[i], row))
    return rows
