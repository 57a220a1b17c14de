"""The model card: what the model is, what it was made from, what it scores, and what it is not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from advdistill.compare.runs import FinishedRun
from advdistill.export.scores import LEVEL, gains, intervals
from advdistill.models import local_folders
from advdistill.report.arms import ROLES
from advdistill.report.marking import markdown_text
from advdistill.report.readable import readable
from advdistill.report.spent import hardware_of, software_of
from advdistill.report.tables import chance, points

_STAGES = {
    "load": "training problems",
    "decontaminate": "without those that resemble a test problem",
    "sample": "answers of the teacher",
    "judge": "verdicts",
    "weigh": "weights",
    "train": "training",
}


def model_card(run: FinishedRun) -> str:
    """Return the README of the exported folder."""
    environment = Environment(
        loader=PackageLoader("advdistill.export"),
        autoescape=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "plain": markdown_text,
        "points": points,
        "chance": chance,
        "percent": lambda value: f"{100 * value:.1f}",
    }
    return environment.get_template("model_card.md.jinja").render(
        run=run,
        front=yaml.safe_dump(_front_matter(run), sort_keys=False, allow_unicode=False),
        roles=ROLES,
        level=f"{LEVEL:.0%}",
        stages=[
            (title, run.stages[name].line, run.stages[name].digest)
            for name, title in _STAGES.items()
            if name in run.stages
        ],
        scores=intervals(run),
        gains=gains(run),
        base=_model(run, "student"),
        teacher=_model(run, "teacher"),
        hardware=hardware_of(run) or "not recorded",
        software=software_of(run) or "not recorded",
    )


def _front_matter(run: FinishedRun) -> dict[str, Any]:
    """Return what model hubs read: names of what is on a hub, and the student's scores."""
    bases = [run.config["student"]["model"]]
    results = [
        {
            "task": {"type": "text-generation"},
            "dataset": {"name": readable(score.task), "type": readable(score.task)},
            "metrics": [{"type": "accuracy", "value": round(score.accuracy, 4)}],
        }
        for score in run.scores
        if score.role == "student"
    ]
    return {
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["distillation", "advdistill"],
        **({"base_model": bases} if not any(map(local_folders, bases)) else {}),
        "model-index": [{"name": run.name, "results": results}],
    }


def _model(run: FinishedRun, group: str) -> str:
    node: Mapping[str, Any] = run.config[group]
    model, revision = node.get("model"), node.get("revision")
    named = str(model) if model else run.choices[group]
    return f"{named} at {revision}" if revision else named
