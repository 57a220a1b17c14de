"""Fills a pool of 12 prompts of `quickstart_small`, slowly and in small shards, and ends.

`python -m benchmarks.pool_crash_run --folder FOLDER --arm transformers`, through the cache and the
makers of the stages 'load' and 'sample'. `FOLDER/ledger.jsonl` tells what was generated.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from omegaconf import DictConfig

from advdistill.answers import AnswerFormat
from advdistill.build import build
from advdistill.cache import Cache, Recipe
from advdistill.digests import settings_of
from advdistill.interfaces import Dataset, Sampling, Teacher, Verifier
from advdistill.making import Maker, Meta, prompts_file
from advdistill.making_pool import MakePrompts
from advdistill.making_responses import MakeResponses
from advdistill.records import Split
from advdistill.restarting import run_restarting
from advdistill.stages import VERSIONS
from benchmarks.ledger import LedgerTeacher
from tests.builders import composed

SHARD_PROMPTS = 2
_SECONDS_PER_SHARD = 0.1


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One way to fill the pool."""

    overrides: tuple[str, ...]
    isolate: bool
    """Whether the engine has a process of its own, which may die alone."""


ARMS = {
    "transformers": Arm(overrides=(), isolate=False),
    "isolated": Arm(overrides=(), isolate=True),
    "vllm": Arm(overrides=("teacher=quickstart_vllm", "teacher.samples=4"), isolate=True),
    "ray": Arm(
        overrides=(
            "teacher=ray",
            "teacher@teacher.engine=quickstart_small",
            "teacher.workers=2",
            "teacher.gpus_per_worker=0",
            "teacher.cpus_per_worker=0.5",
        ),
        isolate=False,
    ),
}


@dataclass(frozen=True)
class _Nobody:
    """A watch that looks away."""

    def report(self, numbers: Mapping[str, float], step: int) -> None:
        """Take the numbers and leave them."""

    def progress(self, done: int, total: int) -> None:
        """Take them and leave them."""


def fill_pool(folder: Path, arm: Arm) -> None:
    """Leave the finished artefacts of 'load' and 'sample' in the folder's cache."""
    cfg = composed("+experiment=quickstart_small", "dataset.train=12", *arm.overrides)
    cache = Cache(folder / "cache")
    dataset: Dataset = build("dataset", cfg.dataset, Dataset)
    prompts = cache.make(
        _recipe("load", dataset, {}),
        lambda draft: MakePrompts(dataset=dataset, needed=Split.train)(draft, _Nobody()),
    )
    teacher = _teacher(cfg, folder / "ledger.jsonl")
    maker = MakeResponses(
        teacher=teacher,
        sampling=build("sampling", cfg.sampling, Sampling),
        verifier=build("verifier", cfg.verifier, Verifier),
        answer_format=build("answer_format", cfg.answer_format, AnswerFormat),
        prompts=prompts.folder,
        stores=folder / "pool",
        processes=1,
    )
    train = prompts.files[prompts_file(Path(), Split.train).name]
    cache.make(
        _recipe("sample", teacher, {"prompts": train}),
        lambda draft: _made(maker, draft, isolate=arm.isolate),
    )


def _made(maker: Maker, draft: Path, *, isolate: bool) -> Meta:
    return run_restarting(maker, draft, _Nobody()) if isolate else maker(draft, _Nobody())


def _teacher(cfg: DictConfig, ledger: Path) -> Teacher:
    node = cfg.teacher.get("engine", cfg.teacher)
    node.shard_prompts = SHARD_PROMPTS
    built = build("teacher", cfg.teacher, Teacher)
    on_ray = "engine" in cfg.teacher
    noting = LedgerTeacher(
        inner=built.engine if on_ray else built,
        samples=built.samples,
        ledger=ledger,
        seconds=_SECONDS_PER_SHARD,
    )
    return replace(built, engine=noting) if on_ray else noting


def _recipe(stage: str, component: object, inputs: Mapping[str, str]) -> Recipe:
    return Recipe(
        stage=stage, version=VERSIONS[stage], settings=settings_of(component), inputs=inputs
    )


def main() -> None:
    """Fill the pool that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--arm", choices=ARMS, required=True)
    given = parser.parse_args()
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    fill_pool(given.folder, ARMS[given.arm])


if __name__ == "__main__":
    main()
