"""The teacher and the prompts that a run's settings spell; no student is looked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from advdistill import stages
from advdistill.answers import AnswerFormat
from advdistill.build import build, build_settings
from advdistill.cli.composing import compose_run
from advdistill.cli.pool_places import pool_of
from advdistill.config import RunSettings, Runtime, check_groups, check_teacher, held_out_of
from advdistill.decontamination import overlaps
from advdistill.errors import ConfigError, DataError
from advdistill.interfaces import Dataset, Member, Sampling, Teacher, Verifier
from advdistill.pool.about import store_folder
from advdistill.pool.keys import Question, questions, store_about
from advdistill.records import Prompt, Split

if TYPE_CHECKING:
    from omegaconf import DictConfig


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Who is asked for what."""

    outputs: Path
    teacher: Teacher
    sampling: Sampling
    verifier: Verifier
    answer_format: AnswerFormat
    runtime: Runtime
    prompts: Sequence[Prompt]
    """The training prompts of a run with these settings."""

    def questions(self) -> list[Question]:
        """Return the prompts as a store knows them."""
        return list(questions(lambda: self.prompts, self.answer_format))

    def store(self, member: Member) -> tuple[Path, dict[str, object]]:
        """Return where the answers of a teacher lie, and what they have in common."""
        about = store_about(member, self.answer_format)
        return store_folder(pool_of(self.outputs), about), about


def asked_of(verb: str, overrides: Sequence[str]) -> Asked:
    """Return what `python run.py` with these settings asks for.

    Raises:
        ConfigError: a setting is wrong, or the teacher's answers are not kept in a store.
        DataError: the data set cannot be read.
    """
    cfg = compose_run(overrides)
    check_groups(cfg)
    settings = build_settings(cfg, RunSettings)
    teacher = build("teacher", cfg.teacher, Teacher)
    sampling = build("sampling", cfg.sampling, Sampling)
    check_teacher(teacher, sampling)
    if not any(member.stored for member, _ in teacher.members):
        raise ConfigError(
            f"pool {verb}: the answers of {type(teacher).__name__} exist already, so that they are "
            "kept in no store; wanted a teacher that can be asked; give teacher=OPTION"
        )
    return Asked(
        outputs=Path(settings.outputs).absolute(),
        teacher=teacher,
        sampling=sampling,
        verifier=build("verifier", cfg.verifier, Verifier),
        answer_format=build("answer_format", cfg.answer_format, AnswerFormat),
        runtime=build("runtime", cfg.runtime, Runtime),
        prompts=_prompts(cfg, settings),
    )


def _prompts(cfg: DictConfig, settings: RunSettings) -> list[Prompt]:
    dataset = build("dataset", cfg.dataset, Dataset)
    splits = stages.load(dataset)
    if not settings.decontaminate:
        return splits[Split.train]
    held_out = [stages.load(one, needed=Split.test) for one in held_out_of(cfg, dataset).values()]
    tests = [prompt for one in (splits, *held_out) for prompt in one[Split.test]]
    found = overlaps(splits[Split.train], tests, words=settings.overlap_words)
    dropped = {overlap.train_id for overlap in found}
    kept = [prompt for prompt in splits[Split.train] if prompt.prompt_id not in dropped]
    if not kept:
        raise DataError(
            "decontaminate: every training prompt shares a passage with an evaluation set; "
            "wanted some left; choose other sets or raise overlap_words"
        )
    return kept
