import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advdistill.student.filling import filled


@given(st.lists(st.integers(1, 120)), st.integers(-5, 100))
def test_every_thing_has_one_place_and_no_row_too_many(sizes: list[int], room: int) -> None:
    rows = filled(sizes, room)
    assert sorted(i for row in rows for i in row) == list(range(len(sizes)))
    assert all(len(row) == 1 or sum(sizes[i] for i in row) <= room for row in rows)


@pytest.mark.parametrize(
    ("sizes", "room", "wanted"),
    [
        ([], 10, []),
        ([10, 10], 10, [[10], [10]]),
        ([12, 3, 4], 10, [[12], [4, 3]]),
        ([6, 4, 5, 5], 10, [[6, 4], [5, 5]]),
        # even where as few rows allow it
        ([1, 9, 2, 3], 10, [[9], [3, 2, 1]]),
        ([4, 4, 4, 4], 12, [[4, 4], [4, 4]]),
        ([12, 1, 9, 2, 3], 10, [[12], [9], [3, 2, 1]]),
        # filled evenly, two rows would hold 6 + 3 + 3, which is too much, and 5 + 4
        ([6, 5, 4, 3, 3], 11, [[6, 5], [4, 3, 3]]),
    ],
)
def test_few_rows_and_even_ones(sizes: list[int], room: int, wanted: list[list[int]]) -> None:
    found = [[sizes[i] for i in row] for row in filled(sizes, room)]
    assert sorted(map(sorted, found)) == sorted(map(sorted, wanted))


def test_many_things_waste_little_room() -> None:
    generator = random.Random(0)
    sizes = [generator.randint(150, 2500) for _ in range(20_000)]
    rows = filled(sizes, 4096)
    assert len(rows) <= 1.03 * sum(sizes) / 4096
    loads = [sum(sizes[i] for i in row) for row in rows]
    assert max(loads) <= 4096
