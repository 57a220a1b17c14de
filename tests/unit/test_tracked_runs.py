import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from advdistill.cells import write_record
from advdistill.cli.sync import main
from advdistill.digests import digest_of_json, settings_of
from advdistill.errors import ConfigError, DataError
from advdistill.membership import group_of
from advdistill.offline_runs import OfflineRun
from advdistill.sweep.ledger import (
    CellFile,
    SweepFile,
    cell_folder,
    write_cell_file,
    write_sweep_file,
)
from advdistill.telling_comparison import comparison_id
from advdistill.tracked_runs import tracked_runs
from tests.finished_cells import FinishedCell, finished_cell
from tests.offline_runs import TOLD, offline_run

HASH = "0123456789ab"
ONLINE = "https://wandb.example/r/1"


@dataclass(frozen=True, kw_only=True)
class Place:
    """An outputs folder with one finished cell."""

    outputs: Path
    cell: FinishedCell

    def run(self, *, tracked: str | None) -> Path:
        """Return the cell's run folder."""
        record = write_record(self.cell.plan, self.cell.artefacts, group="g", tracked=tracked)
        return Path(record.run)

    def offline(self) -> OfflineRun:
        return offline_run(self.outputs, replace(TOLD, run_id=self.cell.plan.key[:16]))

    def sweep(self) -> Path:
        """Return the folder of a sweep of the cell and of another, planned one."""
        folder = self.outputs / "sweeps" / "grid" / HASH
        cells = [self._file(self.cell.plan.key[:32], 0), self._file("f" * 32, 1)]
        for cell in cells:
            cell_folder(folder, cell.id).mkdir(parents=True)
            write_cell_file(cell_folder(folder, cell.id), cell)
        write_sweep_file(
            folder,
            SweepFile(
                name="grid",
                hash=HASH,
                cells=[cell.id for cell in cells],
                arguments=[],
                config_folder=None,
            ),
        )
        return folder

    def _file(self, key: str, seed: int) -> CellFile:
        return CellFile(
            id=key,
            key=key,
            overrides=[],
            levels={"weighting": "softmax"},
            seed=seed,
            control=False,
            pool="",
            equal_to=None,
            tracking=digest_of_json(settings_of(self.cell.plan.tracking)),
            config=self.cell.plan.config,
            choices=self.cell.plan.choices,
        )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    outputs = tmp_path / "outputs"
    return Place(outputs=outputs, cell=finished_cell(outputs, "softmax", 0, right=7))


def test_a_run_folder_stands_for_its_offline_run(place: Place) -> None:
    offline = place.offline()
    [found] = tracked_runs(place.run(tracked=str(offline.folder)))
    assert found.offline == offline


def test_an_offline_folder_stands_for_itself(place: Place) -> None:
    offline = place.offline()
    assert [one.offline for one in tracked_runs(offline.folder)] == [offline]


@pytest.mark.parametrize(
    ("tracked", "reason"),
    [(None, "tracking=wandb"), (ONLINE, f"online by itself: {ONLINE}"), ("/gone", "/gone is gone")],
)
def test_a_run_without_an_offline_run_says_why(
    place: Place, tracked: str | None, reason: str
) -> None:
    [found] = tracked_runs(place.run(tracked=tracked))
    assert found.offline is None
    assert reason in found.reason


def test_a_sweep_stands_for_its_cells_and_its_comparison(place: Place) -> None:
    offline = place.offline()
    place.run(tracked=str(offline.folder))
    compared = offline_run(
        place.outputs, replace(TOLD, run_id=comparison_id(group_of("grid", HASH)))
    )
    done, planned, comparison = tracked_runs(place.sweep())
    assert (done.label, done.offline) == ("weighting=softmax seed=0", offline)
    assert planned.offline is None
    assert "planned" in planned.reason
    assert comparison.offline == compared


def test_a_run_that_was_not_finished_is_refused(place: Place) -> None:
    folder = place.outputs / "wandb" / "offline-run-20260101_000000-0123456789abcdef"
    folder.mkdir(parents=True)
    with pytest.raises(DataError, match="by giving its command again"):
        tracked_runs(folder)


@pytest.mark.parametrize("text", ["", "[]", '{"run_id": 1}', "{"])
def test_a_damaged_run_is_named(place: Place, text: str) -> None:
    folder = place.offline().folder
    (folder / "told.json").write_text(text)
    with pytest.raises(DataError, match=r"told\.json is damaged"):
        tracked_runs(folder)


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="outputs/sweeps/NAME/HASH"):
        tracked_runs(tmp_path)


def test_a_dry_run_says_what_would_be_uploaded(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    offline = place.offline()
    place.run(tracked=str(offline.folder))
    assert main(["--dry-run", str(place.sweep())]) == 0
    said = capsys.readouterr().out
    assert f"weighting=softmax seed=0  to upload: {offline.folder}" in said
    assert "weighting=softmax seed=1  not uploaded: its cell is planned" in said


def test_what_is_uploaded_needs_no_login(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    offline = place.offline()
    offline.mark_uploaded(ONLINE)
    assert main([str(offline.folder)]) == 0
    assert f"uploaded before: {ONLINE}" in capsys.readouterr().out


def test_nothing_is_uploaded_without_a_login(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import wandb

    wandb.teardown()
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    offline = place.offline()
    with pytest.raises(ConfigError, match="wandb login"):
        main([str(offline.folder)])
    assert offline.address is None
    wandb.teardown()


def test_a_label_of_a_hostile_cell_is_printable(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = place.sweep()
    path = cell_folder(folder, "f" * 32) / "cell.json"
    cell = json.loads(path.read_text())
    path.write_text(json.dumps({**cell, "levels": {"weighting": "\x1b[2J"}}))
    main(["--dry-run", str(folder)])
    assert "\x1b" not in capsys.readouterr().out
