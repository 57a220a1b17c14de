import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from advdistill.gpu_memory import given_back, visible_gpus

GIB = 1 << 30


@dataclass
class ScriptedGpus:
    """Devices whose use at each look is written down; the last look stays."""

    looks: list[list[int]]
    asked: list[int] = field(default_factory=list)

    def used(self) -> Sequence[int]:
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]

    def processes(self, place: int) -> Sequence[int]:
        self.asked.append(place)
        return [41, 42]


@pytest.fixture(autouse=True)
def _warnings(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.WARNING, "advdistill"):
        yield


def test_memory_that_comes_back_late_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    gpus = ScriptedGpus([[GIB, 0], [9 * GIB, 0], [5 * GIB, 0], [GIB, 0]])
    with given_back(gpus):
        pass
    assert gpus.looks == [[GIB, 0]]
    assert caplog.messages == []


def test_memory_that_stays_away_is_told_of_with_who_has_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gpus = ScriptedGpus([[GIB, 0, 0], [GIB + 1, 3 * GIB, 512 << 20]])
    with given_back(gpus, patience_seconds=0):
        pass
    [message] = caplog.messages
    assert f"GPU 1: {3 * GIB} bytes more" in message
    assert "41, 42" in message
    assert gpus.asked == [1]


def test_an_engine_that_fails_is_measured_too(caplog: pytest.LogCaptureFixture) -> None:
    with (
        pytest.raises(ValueError, match="why"),
        given_back(ScriptedGpus([[0], [GIB]]), patience_seconds=0),
    ):
        raise ValueError("why")
    assert len(caplog.messages) == 1


def test_a_stop_is_not_held_up(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(KeyboardInterrupt), given_back(ScriptedGpus([[0], [GIB]])):
        raise KeyboardInterrupt
    assert caplog.messages == []


def test_without_a_driver_there_is_nothing_to_measure() -> None:
    with given_back(visible_gpus(), patience_seconds=0):
        pass
