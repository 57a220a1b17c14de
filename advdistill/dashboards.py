"""A sweep's workspace and report in W&B; imports `wandb_workspaces`, and is imported late."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from wandb_workspaces import expr
from wandb_workspaces.reports.v2 import interface as reports
from wandb_workspaces.workspaces import RunsetSettings, Section, Workspace, WorkspaceSettings

from advdistill.tracking import Job, level_column

_ROLES = ("student", "base", "teacher")
_CURVES = ("loss", "dev_accuracy", "gradient_norm", "right_logprob", "wrong_logprob")
_WEIGHTS = ("effective_share", "largest_share", "negative_share", "length_correlation")
_VERDICTS = ("pass", "fail", "unparsed", "error", "timeout", "truncated")
_TABLES = ("samples", "items")
"""Of a cell's run."""
_COMPARED = ("weightings", "sentences", "scores", "effects", "refusals", "looks")
"""Of the comparison's run."""
_MOST_RUNS = 500


@dataclass(frozen=True, kw_only=True)
class View:
    """Which runs to show, and by what."""

    entity: str
    project: str
    group: str
    """The sweep, or the name of a single run's experiment."""
    others: tuple[str, ...]
    """Groups of cells that the sweep shares with sweeps before it, where these cells are shown."""
    factors: tuple[str, ...]
    """What varies, the most important first; the seed is not among them."""


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """The unsaved workspace and report."""

    workspace: Workspace
    report: reports.Report


@dataclass(frozen=True, kw_only=True)
class Saved:
    """Where they are."""

    workspace: str
    report: str


def dashboard_of(view: View) -> Dashboard:
    """Return the group's workspace and report; nothing is saved."""
    cells = _runs(view, Job.cell)
    by_arm: list[expr.MetricType] = [expr.Config(level_column(one)) for one in view.factors]
    workspace = Workspace(
        entity=view.entity,
        project=view.project,
        name=view.group,
        sections=[
            Section(name=name, panels=list(panels), is_open=name != "Pool")
            for name, panels in _sections(view)
        ],
        settings=WorkspaceSettings(max_runs=_MOST_RUNS),
        runset_settings=RunsetSettings(
            filters=cells, groupby=by_arm, pinned_columns=_columns(view)
        ),
    )
    report = reports.Report(
        entity=view.entity,
        project=view.project,
        title=f"{view.group}: what the weightings change"[:128],
        description="Every cell is a run; bars and bands are means and standard errors over seeds.",
        blocks=list(_blocks(view)),
        width="fluid",
    )
    return Dashboard(workspace=workspace, report=report)


def save(dashboard: Dashboard, place: Path) -> Saved:
    """Save both, in place of those that `place` says were saved before; return where they are.

    Whoever saves again keeps the addresses. Needs a login.
    """
    workspace, report = dashboard.workspace, dashboard.report
    if place.exists():
        before = Saved(**json.loads(place.read_text()))
        workspace = Workspace.from_url(before.workspace)
        workspace.sections = dashboard.workspace.sections
        workspace.runset_settings = dashboard.workspace.runset_settings
        report = reports.Report.from_url(before.report)
        assert isinstance(report, reports.Report)
        report.blocks = dashboard.report.blocks
    saved = Saved(workspace=workspace.save().url, report=report.save().url)
    place.write_text(json.dumps(asdict(saved), indent=1))
    return saved


def _sections(view: View) -> Iterator[tuple[str, Sequence[reports.PanelTypes]]]:
    """Yield the panels of the cells by section, the most asked for first."""
    yield "Scores", [_bars(view, f"{role}/accuracy") for role in _ROLES] + [_against_tokens()]
    yield "Training", [_curve(view, name) for name in _CURVES]
    yield "Weights", [_bars(view, f"weights/{name}") for name in _WEIGHTS]
    yield "Length and truncation", [_bars(view, f"student/{n}") for n in ("truncated", "unparsed")]
    yield "Answers", [_table(name) for name in _TABLES]
    yield "Pool", [_bars(view, f"pool/{verdict}") for verdict in _VERDICTS]


def _blocks(view: View) -> Iterator[reports.H1 | reports.P | reports.PanelGrid]:
    compared = [_table(name) for name in _COMPARED]
    yield reports.H1("The comparison")
    yield reports.P(
        "From the run of job type `compare`. Differences are paired by seed on one pool and the "
        "same test items; intervals and Holm's p are in the table `weightings`. Bars elsewhere on "
        "this page show means, not tests."
    )
    yield _grid(view, Job.compare, compared)
    for name, panels in _sections(view):
        yield reports.H1(name)
        yield _grid(view, Job.cell, panels)


def _grid(view: View, job: Job, panels: Sequence[reports.PanelTypes]) -> reports.PanelGrid:
    runs = reports.Runset(
        entity=view.entity,
        project=view.project,
        name=f"{view.group}, {job.value}",
        filters=_runs(view, job),
        pinned_columns=_columns(view),
    )
    return reports.PanelGrid(runsets=[runs], panels=list(panels))


def _runs(view: View, job: Job) -> expr.And:
    groups = [view.group, *(view.others if job is Job.cell else ())]
    return expr.And(expr.Metric("Group").isin(groups), expr.Metric("JobType") == job.value)


def _columns(view: View) -> list[str]:
    levels = [f"config:{level_column(factor)}.value" for factor in (*view.factors, "seed")]
    return [*levels, *(f"summary:{role}/accuracy" for role in _ROLES)]


def _bars(view: View, metric: str) -> reports.BarPlot:
    return reports.BarPlot(
        title=metric,
        metrics=[reports.SummaryMetric(metric)],
        groupby=_factor(view),
        groupby_aggfunc="mean",
        groupby_rangefunc="stderr",
        max_runs_to_show=_MOST_RUNS,
    )


def _curve(view: View, name: str) -> reports.LinePlot:
    return reports.LinePlot(
        title=f"train/{name}",
        x="train/step",
        y=[f"train/{name}"],
        groupby=_factor(view),
        groupby_aggfunc="mean",
        groupby_rangefunc="stderr",
        max_runs_to_show=_MOST_RUNS,
    )


def _against_tokens() -> reports.ScatterPlot:
    return reports.ScatterPlot(
        title="student/accuracy against response tokens trained on",
        x=reports.SummaryMetric("training/tokens"),
        y=reports.SummaryMetric("student/accuracy"),
    )


def _table(name: str) -> reports.WeavePanelSummaryTable:
    return reports.WeavePanelSummaryTable(table_name=name, layout=reports.Layout(w=24, h=12))


def _factor(view: View) -> reports.Config:
    return reports.Config(level_column(view.factors[0]))
