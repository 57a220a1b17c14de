import pytest

from advdistill.student.batches import Row
from advdistill.student.share import deal
from tests.unit.student.ranks import Case
from tests.unit.student.students import OBJECTIVE


def rows(prompts: int) -> list[Row]:
    return Case(objective=OBJECTIVE, prompts=prompts, row_tokens=80).rows()


@pytest.mark.parametrize("size", [1, 2, 3, 9])
def test_each_prompt_is_dealt_whole_to_one_process(size: int) -> None:
    given = rows(8)
    parts = deal(given, size)
    assert len(parts) == size
    owners = [{row.prompt_id for row in part} for part in parts]
    assert sum(map(len, owners)) == len(set.union(*owners)) == 7
    for part in parts:
        assert [row for row in given if any(row is mine for mine in part)] == part
    assert sum(map(len, parts)) == len(given)


def test_what_is_dealt_is_even_in_tokens_and_always_the_same() -> None:
    given = rows(40)
    parts = deal(given, 3)
    loads = [sum(len(row.ids) for row in part) for part in parts]
    assert max(loads) < 1.1 * min(loads)
    assert deal(given, 3) == parts
    assert deal([given[0]], 3) == [[given[0]], [], []]
