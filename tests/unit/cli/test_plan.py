import json
from pathlib import Path

import pytest

from advdistill.cli.plan import main
from advdistill.cli.plan_page import sized, spelt
from advdistill.errors import ConfigError
from advdistill.planning.looking import READ
from advdistill.planning.probing import Slice
from advdistill.records import Split
from tests.builders import prompt

SMALL = "+experiment=quickstart_small"


def test_the_page_tells_what_two_cells_share(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [SMALL, f"outputs={tmp_path}", "weighting=uniform,rank", "sweep.nulls=false"]
    assert main(given) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Steps 20 in 2 cells = 0 cached + 7 shared + 13 to make" in said
    assert "96 answers to 24 prompts: at most 5376 response tokens" in said
    assert "without check (1), sample (1)" in said
    assert list(tmp_path.iterdir()) == []

    assert main([*given, "--json", "--budget", "1h"]) == 1
    told = capsys.readouterr()
    assert "there is no timing to go by for" in told.err
    found = json.loads(told.out)
    assert set(found["seconds_by_stage"]) <= set(READ)
    assert found["cells"][1]["steps"]["sample"]["cell"] == 1


def test_what_is_no_setting_is_refused() -> None:
    with pytest.raises(ConfigError, match="'quickstart' is no setting"):
        main(["quickstart"])


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.04, "0.0 s"), (59, "59.0 s"), (90, "1.5 min"), (9000, "2.5 h")]
)
def test_times_are_spelt(seconds: float, words: str) -> None:
    assert spelt(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"), [(2048, "2 KiB"), (3 * 2**20, "3.0 MiB"), (1.5 * 2**30, "1.5 GiB")]
)
def test_sizes_are_spelt(count: float, words: str) -> None:
    assert sized(count) == words


class Three:
    name = "three"

    def load(self):
        for split in (Split.test, Split.train):
            for number in range(3):
                yield prompt(f"three/{split}/{number}", split=split)

    def sources(self):
        return [Path("rows.jsonl")]


def test_a_slice_has_the_first_prompts_of_every_split() -> None:
    few = Slice(dataset=Three(), prompts=2)
    assert [one.prompt_id for one in few.load()] == [
        *("three/test/0", "three/test/1"),
        *("three/train/0", "three/train/1"),
    ]
    assert (few.name, few.sources()) == ("three", [Path("rows.jsonl")])
