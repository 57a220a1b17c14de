import pytest

from advdistill.errors import ConfigError
from advdistill.interfaces import Tried
from advdistill.sampling.adaptive import AdaptiveSampling

SAMPLING = AdaptiveSampling(first=4, step=2, each=1)


@pytest.mark.parametrize(
    ("answers", "passed", "failed", "more"),
    [
        (0, 0, 0, 4),
        (4, 4, 0, 2),
        (4, 0, 4, 2),
        (4, 3, 1, 0),
        (6, 0, 6, 2),
        (7, 7, 0, 1),
        (8, 8, 0, 0),
        (8, 0, 8, 0),
        (4, 0, 0, 2),
        (4, 3, 0, 2),
    ],
    ids=lambda value: str(value),
)
def test_a_group_is_asked_again_while_it_agrees_and_there_is_room(
    answers: int, passed: int, failed: int, more: int
) -> None:
    assert SAMPLING.more(Tried(answers=answers, passed=passed, failed=failed), 8) == more


def test_a_group_may_need_several_of_each() -> None:
    two = AdaptiveSampling(first=4, step=3, each=2)
    assert two.more(Tried(answers=4, passed=3, failed=1), 8) == 3
    assert two.more(Tried(answers=4, passed=2, failed=2), 8) == 0


def test_fewer_than_the_first_are_asked_for_where_fewer_are_wanted_in_all() -> None:
    assert SAMPLING.more(Tried(answers=0, passed=0, failed=0), 3) == 3


@pytest.mark.parametrize("name", ["first", "step", "each"])
def test_settings_out_of_range_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"sampling: {name} is 0; wanted at least 1"):
        AdaptiveSampling(**{"first": 4, "step": 2, "each": 1, name: 0})
