from pathlib import Path

import pytest

from advdistill.errors import ConfigError
from advdistill.teacher.mixture import MixtureTeacher
from tests.unit.pool.stores import Scripted

PARTS = {"a": Scripted(name="a"), "b": Scripted(name="b"), "c": Scripted(name="c")}


def mixture(samples: int, **shares: float) -> MixtureTeacher:
    return MixtureTeacher(
        samples=samples, shares=shares, parts={name: PARTS[name] for name in shares}
    )


@pytest.mark.parametrize(
    ("samples", "shares", "counts"),
    [
        (8, {"a": 0.5, "b": 0.5}, [4, 4]),
        (8, {"a": 0.75, "b": 0.25}, [6, 2]),
        (8, {"a": 0.7, "b": 0.3}, [6, 2]),
        (7, {"a": 0.5, "b": 0.25, "c": 0.25}, [3, 2, 2]),
        (10, {"a": 0.7, "b": 0.2, "c": 0.1}, [7, 2, 1]),
        (3, {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}, [1, 1, 1]),
        (4, {"a": 1.0}, [4]),
    ],
)
def test_the_shares_are_rounded_to_the_number_of_answers(
    samples: int, shares: dict[str, float], counts: list[int]
) -> None:
    assert [count for _, count in mixture(samples, **shares).members] == counts
    assert sum(counts) == samples


@pytest.mark.parametrize(
    ("samples", "shares", "message"),
    [
        (8, {"a": 0.5, "b": 0.6}, "wanted numbers above 0 that sum to 1"),
        (8, {"a": 1.5, "b": -0.5}, "wanted numbers above 0 that sum to 1"),
        (2, {"a": 0.9, "b": 0.1}, "of 2 samples the part 'b' has none; wanted at least 1"),
    ],
)
def test_shares_that_cannot_be_are_refused(
    samples: int, shares: dict[str, float], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        mixture(samples, **shares)


def test_a_share_without_a_part_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"shares are of \['a', 'z'\] and parts are \['a'\]"):
        MixtureTeacher(samples=8, shares={"a": 0.5, "z": 0.5}, parts={"a": PARTS["a"]})


def test_it_reads_what_its_parts_read() -> None:
    class Reading(Scripted):
        def sources(self) -> list[Path]:
            return [Path(self.name)]

    one = MixtureTeacher(
        samples=2,
        shares={"x": 0.5, "y": 0.5},
        parts={"x": Reading(name="x"), "y": Reading(name="y")},
    )
    assert one.sources() == [Path("x"), Path("y")]
