import json
from pathlib import Path

from advdistill.cache import Cache, Recipe
from advdistill.hardware import Hardware, this_hardware
from advdistill.timings import Timing, read_timings, write_timing

HERE = Hardware(processor="P", cores=2, gpus=("H100",))
ONE = Timing(stage="weigh", kind="k", units=3, seconds=1.5, hardware=HERE)
RECIPE = Recipe(stage="weigh", version=1, settings={}, inputs={})


def make(draft: Path) -> dict[str, object]:
    (draft / "one.txt").write_text("1")
    write_timing(draft, ONE)
    return {}


def test_a_timing_comes_back_and_is_no_part_of_the_digest(tmp_path: Path) -> None:
    made = Cache(tmp_path / "a").make(RECIPE, make)
    assert list(read_timings(tmp_path / "a")) == [ONE]
    assert set(made.files) == {"one.txt"}

    def untimed(draft: Path) -> dict[str, object]:
        (draft / "one.txt").write_text("1")
        return {}

    assert Cache(tmp_path / "b").make(RECIPE, untimed).digest == made.digest


def test_what_is_torn_or_unfinished_is_left_out(tmp_path: Path) -> None:
    folder = Cache(tmp_path).make(RECIPE, make).folder
    draft = tmp_path / "weigh" / "x.draft"
    draft.mkdir()
    write_timing(draft, ONE)
    assert len(list(read_timings(tmp_path))) == 1
    for torn in ("{", "[]", json.dumps({"stage": "weigh"})):
        (folder / "timing.json").write_text(torn)
        assert list(read_timings(tmp_path)) == []


def test_this_machine_has_cores_and_a_name() -> None:
    found = this_hardware()
    assert found.cores >= 1
    assert found.processor
    assert found == this_hardware()
