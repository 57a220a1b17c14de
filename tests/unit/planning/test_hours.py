from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from advdistill.errors import ConfigError
from advdistill.hardware import Hardware
from advdistill.planning.allowance import Allowance, read_allowance
from advdistill.planning.hours import FEW, Forecast, Interval, expected, forecast
from advdistill.planning.looking import Looked
from advdistill.timings import Timing
from tests.unit.doctor.subjects import looked

HERE = Hardware(processor="P", cores=2, gpus=())
GPUS = replace(HERE, gpus=("H100",))


def timing(units: float, seconds: float, kind: str = "k") -> Timing:
    return Timing(stage="train", kind=kind, units=units, seconds=seconds, hardware=HERE)


def test_one_timing_is_taken_in_proportion_and_as_good_to_a_factor() -> None:
    assert expected([timing(10, 5)], 20) == Interval(low=10 / FEW, expected=10, high=10 * FEW)


def test_two_sizes_tell_the_start_from_the_pace() -> None:
    found = expected([timing(10, 30), timing(40, 60)], 1000)
    assert found.expected == pytest.approx(20 + 1000)


def test_a_larger_slice_that_was_quicker_is_no_pace() -> None:
    found = expected([timing(10, 30), timing(40, 20)], 1000)
    assert found.expected == pytest.approx(1000)


def test_the_interval_holds_new_times_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        seconds = 100 * np.exp(random.normal(0, 0.3, size=6))
        found = expected([timing(10, float(one)) for one in seconds[:5]], 10)
        held += found.low <= seconds[5] <= found.high
    assert 0.92 <= held / 400 <= 1


def test_timings_of_other_hardware_are_not_used(tmp_path: Path) -> None:
    cells = looked(tmp_path / "outputs", tmp_path / "scratch", ())
    kinds = {step.stage: step.kind for _, step in cells.to_make()}
    found = forecast(cells, [timing(10, 5, kinds["train"])], [], GPUS)
    assert found.unknown["train"] == 1
    assert "train" not in found.by_stage


def records(cells: Looked, seconds: float) -> list[Timing]:
    return [
        Timing(stage=step.stage, kind=step.kind, units=step.units, seconds=seconds, hardware=HERE)
        for _, step in cells.to_make()
    ]


def test_each_step_is_counted_once(tmp_path: Path) -> None:
    cells = looked(tmp_path / "outputs", tmp_path / "scratch", ("seed=0",), ("seed=1",))
    found = forecast(cells, records(cells, 100), [], HERE)
    assert found.by_stage["train"].expected == pytest.approx(200)
    assert found.by_stage["evaluate"].expected == pytest.approx(400)
    assert found.by_stage["sample"].expected == pytest.approx(100)
    assert found.unknown == {}
    assert found.sources["train"] == "2 finished"
    assert found.devices.expected == pytest.approx(700)  # sample, 2 trainings, 4 evaluations


def test_finished_artefacts_go_before_the_probe(tmp_path: Path) -> None:
    cells = looked(tmp_path / "outputs", tmp_path / "scratch", ())
    found = forecast(cells, records(cells, 100), records(cells, 1), HERE)
    assert found.by_stage["train"].expected == pytest.approx(100)
    probed = forecast(cells, [], records(cells, 1), HERE)
    assert probed.sources["train"] == "probe of 192"


def of(high: float, unknown: Sequence[str] = ()) -> Forecast:
    total = Interval(low=high / 4, expected=high / 2, high=high)
    return Forecast(
        total=total,
        devices=total.times(0.5),
        by_stage={},
        sources={},
        unknown=dict.fromkeys(unknown, 2),
    )


def test_the_upper_end_must_be_within_the_budget() -> None:
    four_hours = Allowance(seconds=4 * 3600, of_gpus=False)
    assert four_hours.objection(of(3.9 * 3600)) is None
    said = four_hours.objection(of(6 * 3600))
    assert said is not None
    assert "3.00 hours are expected and up to 6.00, which is 2.00 beyond 4.00" in said
    assert replace(four_hours, of_gpus=True).objection(of(6 * 3600)) is None


def test_a_budget_is_not_held_against_what_is_not_known() -> None:
    said = Allowance(seconds=1e9, of_gpus=False).objection(of(1, unknown=["train"]))
    assert said is not None
    assert "train (2)" in said
    assert "--probe" in said


@pytest.mark.parametrize(
    ("text", "seconds", "of_gpus"),
    [
        ("4h", 14400, False),
        ("90min", 5400, False),
        ("1.5 h", 5400, False),
        ("30m", 1800, False),
        ("40gpuh", 144000, True),
        ("40 GPU-hours", 144000, True),
    ],
)
def test_budgets_are_read(text: str, seconds: float, of_gpus: bool) -> None:
    assert read_allowance(text, GPUS) == Allowance(seconds=seconds, of_gpus=of_gpus)


@pytest.mark.parametrize("text", ["4", "4 days", "h", "-4h", "1e3h", ""])
def test_other_budgets_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="wanted a time such as 4h"):
        read_allowance(text, GPUS)


def test_gpu_hours_want_a_gpu() -> None:
    with pytest.raises(ConfigError, match="has no GPU"):
        read_allowance("40gpuh", HERE)
