from collections.abc import Iterator

from advdistill.spending import spending


def readings(*values: list[float] | None) -> Iterator[list[float] | None]:
    yield from values


def test_the_energy_of_all_devices_is_the_difference_of_their_counters() -> None:
    counters = readings([100.0, 50.0], [130.0, 55.5])
    with spending(gpus=2, read=lambda: next(counters)) as spent:
        assert spent.joules is None
    assert (spent.gpus, spent.joules) == (2, 35.5)
    assert spent.seconds >= 0


def test_without_a_counter_the_energy_is_not_known() -> None:
    with spending(gpus=0, read=lambda: None) as spent:
        pass
    assert spent.joules is None
