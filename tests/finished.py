"""Finished runs made by hand with the records' own writers, in seconds and without a model."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from omegaconf import OmegaConf

from advdistill.cache import CURVES, Artefact, Cache, Recipe
from advdistill.cells import ModelScore
from advdistill.digests import digest_of_json
from advdistill.making import shard_file, write_prompts
from advdistill.making_weights import HEALTH
from advdistill.records import (
    Finish,
    Item,
    Prompt,
    Response,
    Reward,
    Score,
    Split,
    Verdict,
    Weight,
)
from advdistill.tables import write_rows
from tests.builders import composed, prompt, response, reward

TASK = "quickstart"
PROMPTS, SAMPLES = 6, 4
HEALTHY = {"effective_share": 0.5, "largest_share": 0.1, "negative_share": 0.0}


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a run made by hand says."""

    weighting: str = "uniform"
    seed: int = 0
    right: Mapping[str, Sequence[int]] | None = None
    """By role: the test problems that it gets right; by the seed where it is not given."""
    evil: str = ""
    """In every text of a model or a data set."""
    problems: int = 12
    name: str = "by_hand"


def finished_run(outputs: Path, told: Told) -> Path:
    """Write a run below `outputs` and return its folder."""
    stages = _stages(Cache(outputs / "cache"), told)
    folder = outputs / "runs" / told.name / f"{told.weighting}-{told.seed}"
    folder.mkdir(parents=True)
    cfg = composed(
        f"weighting={told.weighting}", f"seed={told.seed}", f"name={told.name}", "tracking=none"
    )
    OmegaConf.save(OmegaConf.to_container(cfg, resolve=True), folder / "config.yaml")
    rows = {
        name: {"folder": str(one.folder), "digest": one.digest, "line": one.meta["line"]}
        for name, one in stages.items()
    }
    (folder / "stages.json").write_text(json.dumps(rows))
    record = {
        "key": f"{told.seed:064x}",
        "run": str(folder),
        "digests": {name: one.digest for name, one in stages.items()},
        "scores": [asdict(_score(told, role)) for role in ("teacher", "base", "student")],
        "against_base": {},
        "tracking": "t",
        "tracked": None,
    }
    (folder / "record.json").write_text(json.dumps(record))
    return folder


def right_of(told: Told, role: str) -> set[int]:
    """Return which test problems a role gets right."""
    if told.right is not None:
        return set(told.right[role])
    step = {"teacher": 1, "base": 3, "student": 2}[role]
    return set(range(told.seed % 2 if role == "student" else 0, told.problems, step))


def _stages(cache: Cache, told: Told) -> dict[str, Artefact]:
    train = [_prompt(Split.train, number, told) for number in range(PROMPTS)]
    test = [_prompt(Split.test, number, told) for number in range(told.problems)]
    keys = [(one.prompt_id, sample) for one in train for sample in range(SAMPLES)]

    def load(draft: Path) -> dict[str, object]:
        write_prompts(draft, Split.train, train)
        write_prompts(draft, Split.test, test)
        return {"line": f"{len(test)} prompts", "prompts": {"test": len(test)}}

    def shards(record: type, rows: Sequence[object]):
        def make(draft: Path) -> dict[str, object]:
            (draft / "shards").mkdir(exist_ok=True)
            write_rows(shard_file(draft, 0), record, [rows])
            if record is Weight:
                rights = {SAMPLES: [PROMPTS if k == 2 else 0 for k in range(SAMPLES + 1)]}
                (draft / HEALTH).write_text(json.dumps({**HEALTHY, "rights": rights}))
            return {"line": f"{len(rows)} rows", "health": HEALTHY}

        return make

    responses = [response(*key, text=f"#### {key[1]}{told.evil}") for key in keys]
    verdicts = [Verdict.passed if key[1] < 2 else Verdict.failed for key in keys]
    rewards = [reward(*key, verdict=one) for key, one in zip(keys, verdicts, strict=True)]
    uneven = told.weighting != "uniform"
    weights = [
        Weight(prompt_id=key[0], sample=key[1], value=1.0 - 0.5 * key[1] if uneven else 1.0)
        for key in keys
    ]
    stages = {
        "load": _made(cache, "load", told.evil, load),
        "sample": _made(cache, "sample", told.evil, shards(Response, responses)),
        "judge": _made(cache, "judge", "", shards(Reward, rewards)),
        "weigh": _made(cache, "weigh", told.weighting, shards(Weight, weights)),
        "train": _made(cache, "train", [told.weighting, told.seed], _train(told)),
    }
    for role in ("teacher", "base", "student"):
        whose = [role, told.weighting, told.seed, sorted(right_of(told, role)), told.evil]
        made = _made(cache, "evaluate", whose, _evaluate(told, role, test), version=told.problems)
        stages[f"evaluate/{role}"] = made
    return stages


def _train(told: Told):
    def make(draft: Path) -> dict[str, object]:
        model = draft / "model"
        model.mkdir(exist_ok=True)
        (model / "config.json").write_text("{}")
        (model / "model.safetensors").write_bytes(f"{told.weighting}{told.seed}".encode())
        (draft / "proof.json").write_text(json.dumps({"torch": "2.13", "transformers": "5.19"}))
        rows = [
            {"step": step, "loss": 1 / (1 + step + told.seed), "dev_accuracy": step / 10}
            for step in range(6)
        ]
        (draft / CURVES).write_text("\n".join(map(json.dumps, rows)))
        return {
            "line": "trained", "steps": 5, "tokens": 1000 + 10 * told.seed, "examples_used": 24,
        }  # fmt: skip

    return make


def _evaluate(told: Told, role: str, test: Sequence[Prompt]):
    right = right_of(told, role)
    items = [
        Item(
            task=f"advdistill_{TASK}",
            item_id=one.prompt_id,
            sample=0,
            verdict=Verdict.passed if number in right else Verdict.failed,
            answer=str(number) + told.evil,
            response=f"{role} says #### {number}{told.evil}",
            finish=Finish.length if number == 1 else Finish.stop,
        )
        for number, one in enumerate(test)
    ]

    def make(draft: Path) -> dict[str, object]:
        write_rows(draft / "items.parquet", Item, [items])
        write_rows(draft / "scores.parquet", Score, [[]])
        return {"line": f"{len(items)} items", "items": len(items)}

    return make


def _score(told: Told, role: str) -> ModelScore:
    accuracy = len(right_of(told, role)) / told.problems
    return ModelScore(
        role=role,
        task=TASK,
        items=told.problems,
        accuracy=accuracy,
        stderr=(accuracy * (1 - accuracy) / told.problems) ** 0.5,
        truncated=0.0,
        unparsed=0.0,
        more={},
    )


def _prompt(split: Split, number: int, told: Told) -> Prompt:
    return prompt(
        f"{TASK}/{split.value}/{number:05d}",
        question=f"What is {number}?{told.evil}",
        answer=str(number),
        split=split,
    )


def _made(cache: Cache, stage: str, what: object, maker, *, version: int = 1) -> Artefact:
    recipe = Recipe(
        stage=stage,
        version=version,
        settings={"how": "by hand"},
        inputs={"prompts": "p" * 64, "made_from": digest_of_json(what)},
    )
    return cache.make(recipe, maker)
