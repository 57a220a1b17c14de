"""What the tracker is told of a finished cell: the same names in every run, so that runs join.

Tables of several runs join on their key columns, artifacts by their names, which hold the digest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from advdistill.cache import Artefact
from advdistill.cells import model_scores, training_of
from advdistill.config import Plan
from advdistill.making import PromptsInStep, shard_file
from advdistill.records import TOTAL, Item, Response, Reward, Weight
from advdistill.tables import read_rows
from advdistill.tracking import Artifact, Cell, level_column

Table = tuple[list[str], list[list[object]]]
"""Columns, and rows of as many values."""

KEYS = ("prompt_id", "sample")
"""The columns by which rows of several runs are of one answer."""

_NAMES = {
    "load": "prompts",
    "decontaminate": "clean-prompts",
    "sample": "pool",
    "judge": "verdicts",
    "weigh": "weights",
    "tokenise": "tokens",
    "refer": "references",
    "train": "student",
    "evaluate": "scores",
}
"""The artifact of each stage that is shown."""
_INPUTS = {
    "load": (),
    "decontaminate": ("load",),
    "sample": ("load", "decontaminate"),
    "judge": ("load", "sample"),
    "weigh": ("sample", "judge"),
    "tokenise": ("load", "sample"),
    "refer": ("sample", "tokenise"),
    "train": ("load", "sample", "judge", "weigh", "tokenise", "refer"),
}
_NAME_CHARACTERS = 100
"""W&B takes 128, the digest's among them."""


def levels_of(plan: Plan, swept: Mapping[str, str]) -> dict[str, str]:
    """Return the option of each factor, the seed among them; `swept` names those of the sweep."""
    return {**plan.choices, **swept, "seed": str(plan.settings.seed)}


def summary_of(artefacts: Mapping[str, Artefact]) -> dict[str, float | int | str]:
    """Return the scores under names that are the same in every run."""
    summary: dict[str, float | int | str] = {}
    scores = model_scores(artefacts)
    for score in scores:
        own = score.task == scores[0].task
        prefix = score.role if own else f"{score.role}/{score.task}"
        numbers = {"items": score.items, "accuracy": score.accuracy, "stderr": score.stderr}
        shares = {"truncated": score.truncated, "unparsed": score.unparsed}
        for name, value in {**numbers, **shares, **score.more}.items():
            summary[f"{prefix}/{name}"] = value
    for verdict, count in artefacts["judge"].meta["verdicts"].items():
        summary[f"pool/{verdict}"] = count
    for name, value in artefacts["weigh"].meta["health"].items():
        summary[f"weights/{name}"] = value
    for name, value in training_of(artefacts["train"]).items():
        summary[f"training/{name}"] = value
    return summary


def samples_table(cell: Cell, artefacts: Mapping[str, Artefact], count: int) -> Table:
    """Return the first answers of the pool with their verdicts and weights."""
    pool = read_rows(shard_file(artefacts["sample"].folder, 0), Response)[:count]
    prompts = PromptsInStep(artefacts["load"].folder).of(row.prompt_id for row in pool)
    rewards = {
        (reward.prompt_id, reward.sample): reward
        for reward in read_rows(shard_file(artefacts["judge"].folder, 0), Reward)
        if reward.rule == TOTAL
    }
    weights = {
        (weight.prompt_id, weight.sample): weight.value
        for weight in read_rows(shard_file(artefacts["weigh"].folder, 0), Weight)
    }
    columns = ["question", "gold", "response", "verdict", "answer", "weight"]
    rows: list[list[object]] = []
    for response in pool:
        key = (response.prompt_id, response.sample)
        prompt, reward = prompts[response.prompt_id], rewards[key]
        rows.append(
            [
                *key, prompt.question, prompt.answer, response.text, reward.verdict.value,
                reward.answer, weights[key],
            ]
        )  # fmt: skip
    return _of_cell(cell, columns, rows)


def items_table(cell: Cell, artefacts: Mapping[str, Artefact], count: int) -> Table:
    """Return the student's first test answers beside the verdicts of its base and its teacher."""
    verdicts = {
        role: {
            (item.task, item.item_id, item.sample): item.verdict.value
            for item in _items(artefacts, role)
        }
        for role in ("base", "teacher")
    }
    rows: list[list[object]] = [
        [
            item.item_id, item.sample, item.task, item.response, item.verdict.value, item.answer,
            *(found.get((item.task, item.item_id, item.sample)) for found in verdicts.values()),
        ]
        for item in _items(artefacts, "student")[:count]
    ]  # fmt: skip
    columns = ["task", "response", "verdict", "answer", *(f"{role}_verdict" for role in verdicts)]
    return _of_cell(cell, columns, rows)


def tracked_artifacts(artefacts: Mapping[str, Artefact]) -> list[Artifact]:
    """Return the chain from prompts to scores, each naming what it was made from.

    A name holds the digest, so that what cells share is one artifact.
    """
    shown = {name: one for name, one in artefacts.items() if _stage(name) in _NAMES}
    names = {name: _artifact_name(name, artefact) for name, artefact in shown.items()}
    return [
        Artifact(
            name=names[name],
            type="model" if name == "train" else "dataset",
            digest=artefact.digest,
            files=tuple(artefact.folder / file for file in artefact.files),
            inputs=tuple(names[one] for one in _inputs(name) if one in names),
            metadata=artefact.meta,
        )
        for name, artefact in shown.items()
    ]


def _of_cell(cell: Cell, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """Return the table with its keys first and the cell's id and levels last."""
    own = [cell.run_id, *cell.levels.values()]
    titles = [*KEYS, *columns, "cell", *(level_column(factor) for factor in cell.levels)]
    return titles, [[*row, *own] for row in rows]


def _items(artefacts: Mapping[str, Artefact], role: str) -> list[Item]:
    artefact = artefacts.get(f"evaluate/{role}")
    return read_rows(artefact.folder / "items.parquet", Item) if artefact else []


def _stage(name: str) -> str:
    return name.partition("/")[0]


def _inputs(name: str) -> tuple[str, ...]:
    """Return the names of what an artefact was made from, some of which a run may lack."""
    if _stage(name) != "evaluate":
        return _INPUTS[_stage(name)]
    _, role, *held_out = name.split("/", 2)
    prompts = f"load/{held_out[0]}" if held_out else "load"
    return (prompts, "train") if role == "student" else (prompts,)


def _artifact_name(name: str, artefact: Artefact) -> str:
    stage, *rest = name.split("/")
    spelt = re.sub(r"[^A-Za-z0-9_.-]", "_", "-".join([_NAMES[stage], *rest]))
    return f"{spelt[:_NAME_CHARACTERS]}-{artefact.digest[:12]}"
