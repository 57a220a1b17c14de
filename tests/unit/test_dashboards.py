"""The workspace and the report as they are sent; no server is asked."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from advdistill.dashboards import Dashboard, Saved, View, dashboard_of, save
from advdistill.errors import DataError
from advdistill.tracked_groups import group_at

# The project's id is looked up where an entity is named.
VIEW = View(
    entity="",
    project="p",
    group="grid-0123456789ab",
    others=("grid-ba9876543210",),
    factors=("weighting", "sampling.samples"),
)


@pytest.fixture(scope="module")
def dashboard() -> Dashboard:
    return dashboard_of(VIEW)


@pytest.fixture(scope="module")
def workspace(dashboard: Dashboard) -> dict[str, Any]:
    return _sent(dashboard.workspace)


@pytest.fixture(scope="module")
def report(dashboard: Dashboard) -> dict[str, Any]:
    return _sent(dashboard.report)


def test_the_workspace_shows_the_cells_of_all_groups_by_level(workspace: dict[str, Any]) -> None:
    [runs] = workspace["spec"]["section"]["runSets"]
    filters = {one["key"]["name"]: one["value"] for one in runs["filters"]["filters"]}
    assert filters == {"group": [VIEW.group, *VIEW.others], "jobType": "cell"}
    assert [one["name"] for one in runs["grouping"]] == [
        "levels/weighting.value",
        "levels/sampling_samples.value",
    ]
    assert "config:levels/seed.value" in runs["runFeed"]["columnPinned"]


def test_the_workspace_has_a_panel_for_each_number(workspace: dict[str, Any]) -> None:
    sections = workspace["spec"]["section"]["panelBankConfig"]["sections"]
    shown = {
        metric.removeprefix("summary_metrics.")
        for section in sections
        for panel in section["panels"]
        for metric in panel["config"].get("metrics", [])
    }
    assert {"student/accuracy", "train/loss", "weights/effective_share", "pool/pass"} <= shown


def test_bars_are_means_over_the_seeds_of_a_level(workspace: dict[str, Any]) -> None:
    bars = workspace["spec"]["section"]["panelBankConfig"]["sections"][0]["panels"][0]["config"]
    assert (bars["groupBy"], bars["groupAgg"], bars["groupArea"]) == (
        "levels/weighting.value",
        "mean",
        "stderr",
    )


def test_curves_go_over_the_steps_of_their_stage(workspace: dict[str, Any]) -> None:
    sections = workspace["spec"]["section"]["panelBankConfig"]["sections"]
    [training] = [one for one in sections if one["name"] == "Training"]
    assert {panel["config"]["xAxis"] for panel in training["panels"]} == {"train/step"}


def test_the_report_begins_with_the_comparison(report: dict[str, Any]) -> None:
    grids = [block for block in report["spec"]["blocks"] if block["type"] == "panel-grid"]
    first = grids[0]["metadata"]
    filters = {
        one["key"]["name"]: one["value"] for one in first["runSets"][0]["filters"]["filters"]
    }
    assert filters == {"group": [VIEW.group], "jobType": "compare"}
    text = json.dumps(first["panelBankSectionConfig"])
    assert all(name in text for name in ("weightings", "sentences", "looks"))


def test_no_panels_of_the_report_lie_on_each_other(report: dict[str, Any]) -> None:
    for block in report["spec"]["blocks"]:
        if block["type"] == "panel-grid":
            places = [
                (panel["layout"]["x"], panel["layout"]["y"])
                for panel in block["metadata"]["panelBankSectionConfig"]["panels"]
            ]
            assert len(set(places)) == len(places)


def test_the_same_runs_give_the_same_dashboard(dashboard: Dashboard) -> None:
    again = dashboard_of(VIEW)
    assert _without_ids(_sent(again.workspace)) == _without_ids(_sent(dashboard.workspace))


@dataclass
class ScriptedPage:
    """A workspace or a report that saves itself nowhere."""

    url: str
    saved: int = 0
    sections: list[Any] = field(default_factory=list)

    def save(self) -> "ScriptedPage":
        self.saved += 1
        return self


def test_what_is_saved_is_written_down(tmp_path: Path) -> None:
    workspace: Any = ScriptedPage("https://wandb.example/w")
    report: Any = ScriptedPage("https://wandb.example/r")
    place = tmp_path / "saved.json"
    saved = save(Dashboard(workspace=workspace, report=report), place)
    assert saved == Saved(workspace=workspace.url, report=report.url)
    assert Saved(**json.loads(place.read_text())) == saved


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="outputs/sweeps/NAME/HASH"):
        group_at(tmp_path)


def test_a_run_without_tracking_is_refused(tmp_path: Path) -> None:
    run = tmp_path / "outputs" / "runs" / "n" / "t"
    _write_run(run, "{_target_: advdistill.tracking.NoTracking}")
    with pytest.raises(DataError, match="tracking=wandb"):
        group_at(run)


def test_a_run_is_shown_by_its_weighting(tmp_path: Path) -> None:
    run = tmp_path / "outputs" / "runs" / "n" / "t"
    _write_run(
        run,
        "{_target_: advdistill.tracking.WandbTracking, project: p, entity: null, mode: auto, "
        "samples: 2}",
    )
    group = group_at(run)
    assert (group.name, group.others, group.factors) == ("g", (), ("weighting",))
    assert (group.tracking.project, group.outputs) == ("p", tmp_path / "outputs")


def _write_run(run: Path, tracking: str) -> None:
    run.mkdir(parents=True)
    (run / "record.json").write_text(json.dumps({"group": "g"}))
    (run / "config.yaml").write_text(f"tracking: {tracking}")


def _sent(page: Any) -> dict[str, Any]:
    return json.loads(page._to_model().model_dump_json(by_alias=True, exclude_none=True))


def _without_ids(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _without_ids(one) for name, one in value.items() if name not in ("__id__", "id")
        }
    return [_without_ids(one) for one in value] if isinstance(value, list) else value
