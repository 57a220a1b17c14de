import json
from pathlib import Path

import numpy as np
import pytest

from advdistill.cli.compare import main
from advdistill.cli.main import main as command
from tests.finished_runs import Cell, answers, write_run


@pytest.fixture
def runs(tmp_path: Path) -> list[str]:
    """Write three seeds of a weak uniform and of a strong softmax."""
    rng = np.random.default_rng(0)
    return [
        str(
            write_run(
                tmp_path / "outputs",
                Cell(right=answers(rng, np.full(60, share)), weighting=weighting, seed=seed),
            )
        )
        for weighting, share in (("uniform", 0.3), ("softmax", 0.8))
        for seed in range(3)
    ]


def test_the_claim_its_table_and_the_look_are_on_the_screen(
    runs: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(runs) == 0
    shown = capsys.readouterr().out
    for part in (
        "softmax beats uniform by",
        "Arms against the baseline",
        "Looks at the test items",
    ):
        assert part in shown
    assert "Pairs of checkpoints" not in shown


def test_everything_found_goes_to_json(runs: list[str], tmp_path: Path) -> None:
    target = tmp_path / "comparison.json"
    main([*runs, "--json", str(target), "-o", str(tmp_path / "text")])
    found = json.loads(target.read_text())
    [claim] = found["weightings"]
    assert claim["like_items"]["finding"] == "better"
    assert claim["seeds"] == [0, 1, 2]
    assert len(found["checkpoints"]) == 9
    assert found["margin"] == {"points": 1.0, "source": "declared in the runs' configuration"}


def test_markdown_and_latex_escape_what_runs_spell(runs: list[str], tmp_path: Path) -> None:
    config = Path(runs[0]) / "config.yaml"
    for folder in runs[3:]:
        path = Path(folder) / "config.yaml"
        path.write_text(path.read_text().replace("temperature: 0.5", "temperature: 'a|b_$x'"))
    assert config.is_file()
    main([*runs, "--markdown", "-o", str(tmp_path / "t.md")])
    main([*runs, "--latex", "-o", str(tmp_path / "t.tex")])
    assert r"softmax temperature=a\|b\_$x" in (tmp_path / "t.md").read_text()
    assert r"softmax temperature=a\textbar{}b\_\$x &" in (tmp_path / "t.tex").read_text()


@pytest.mark.parametrize("margin", ["0", "-1", "much", "nan"])
def test_a_margin_that_is_none_is_refused(margin: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["RUN", f"--margin={margin}"])
    assert f"is '{margin}'; wanted points above 0 and below 100" in capsys.readouterr().err


def test_a_folder_that_is_no_run_is_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(["compare", str(tmp_path)]) == 1
    assert "is no finished run" in capsys.readouterr().err


def test_power_from_finished_cells_and_from_ranges(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "power.json"
    arguments = ["--seeds", "5", "--items", "60", "--json", str(target)]
    assert command(["power", *runs, *arguments]) == 0
    assert (
        "From finished cells: arm against baseline, 1 times, 3 seeds or more"
        in capsys.readouterr().out
    )
    measured = json.loads(target.read_text())["shows"][0]
    assert command(["power", *arguments, "--wanted", "20", "--training", "100"]) == 0
    shown = capsys.readouterr().out
    assert "From stated ranges" in shown
    assert "The cheapest way to show 20 points" in shown
    assert 0 < measured["low"] < measured["high"]
