"""What a cell is made of: the recipe and the maker of every stage, one below the other.

Whoever walks them says what becomes of a step: the pipeline makes it, a plan looks for it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from advdistill.cache import Artefact, Recipe
from advdistill.cleaning import MakeClean
from advdistill.config import Plan
from advdistill.digests import digest_of_json, digest_of_path, settings_of
from advdistill.examples import PoolFolders
from advdistill.judging_ahead import JudgingAhead
from advdistill.making import Maker, prompts_file
from advdistill.making_pool import MakeCheck, MakePrompts
from advdistill.making_responses import MakeResponses
from advdistill.making_rewards import MakeRewards
from advdistill.making_student import (
    MakeReferences,
    MakeScores,
    MakeStudent,
    TrainingHow,
)
from advdistill.making_tokens import MakeTokens
from advdistill.making_weights import MakeWeights
from advdistill.models import local_folders, locate
from advdistill.pool.about import store_folder
from advdistill.pool.keys import store_about
from advdistill.records import Split
from advdistill.stages import VERSIONS

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One artefact of a cell: what identifies it, and who makes it where."""

    recipe: Recipe
    maker: Maker
    role: str | None
    """Which of several artefacts of one stage: a held-out set, or the model that is evaluated."""
    holds_model: bool
    resumes: bool
    """Whether the maker goes on from what an earlier call left."""
    processes: int
    beside: Callable[[Recipe], JudgingAhead | None]
    """Returns what judges the responses while they are made."""
    earlier: Callable[[], Iterable[Path]]
    """Returns where other runs may have left parts of the work."""

    @property
    def stage(self) -> str:
        """The stage, which several steps of a cell may share."""
        return self.recipe.stage

    @property
    def name(self) -> str:
        """The stage and the role: one of a kind in a cell."""
        return f"{self.stage}/{self.role}" if self.role else self.stage


Make = Callable[[Step], Artefact]


def walk(plan: Plan, root: Path, make: Make) -> None:
    """Hand every step of the cell to `make`, each after those whose artefacts it needs.

    `root` is the cache's folder. Of what `make` gives back, the steps below read the digest, the
    folder, and of prompts also the files' digests and how many of a split there are.
    """
    _Walk(plan, root, make).all()


class _Walk:
    """The steps of one cell, in the order in which data flows."""

    def __init__(self, plan: Plan, root: Path, make: Make) -> None:
        self.plan = plan
        self.root = root
        self.make = make

    def all(self) -> None:
        prompts, held_out = self._prompts(), self._held_out()
        for name, artefact in {"": prompts, **held_out}.items():
            self._check_gold(name, artefact)
        if self.plan.settings.decontaminate:
            prompts = self._clean(prompts, held_out)
        responses = self._responses(prompts)
        rewards = self._rewards(prompts, responses)
        weights = self._weights(responses, rewards)
        pool = {
            "prompts": prompts,
            "responses": responses,
            "rewards": rewards,
            "weights": weights,
            "tokens": self._tokens(prompts, responses),
        }
        if self.plan.objective.needs_reference:
            pool["references"] = self._references(pool)
        student = self._student(pool)
        for name, artefact in {"": prompts, **held_out}.items():
            self._scores(name, artefact, student)

    def _prompts(self) -> Artefact:
        dataset = self.plan.dataset
        return self._make(
            "load",
            {"dataset": settings_of(dataset), "needed": Split.train.value},
            {"files": self.plan.identities["dataset"]},
            MakePrompts(dataset=dataset, needed=Split.train),
        )

    def _held_out(self) -> dict[str, Artefact]:
        """Return the prompts of the sets that are only evaluated on, by the data set's name."""
        return {
            dataset.name: self._make(
                "load",
                {"dataset": settings_of(dataset), "needed": Split.test.value},
                {"files": self.plan.identities[f"held_out.{name}"]},
                MakePrompts(dataset=dataset, needed=Split.test),
                role=dataset.name,
            )
            for name, dataset in self.plan.held_out.items()
        }

    def _clean(self, prompts: Artefact, held_out: Mapping[str, Artefact]) -> Artefact:
        test = prompts_file(Path(), Split.test).name
        words = self.plan.settings.overlap_words
        return self._make(
            "decontaminate",
            {"words": words},
            {
                "prompts": prompts.digest,
                "held_out": digest_of_json([one.files[test] for one in held_out.values()]),
            },
            MakeClean(
                prompts=prompts.folder,
                held_out=[one.folder for one in held_out.values()],
                words=words,
            ),
        )

    def _check_gold(self, name: str, prompts: Artefact) -> None:
        self._make(
            "check",
            {**self._settings("verifier"), **self._settings("answer_format")},
            {"prompts": prompts.digest},
            MakeCheck(
                verifier=self.plan.verifier,
                answer_format=self.plan.answer_format,
                prompts=prompts.folder,
                processes=self.plan.runtime.judges,
            ),
            role=name or None,
        )

    def _responses(self, prompts: Artefact) -> Artefact:
        return self._make(
            "sample",
            self._settings(
                *("teacher", "sampling", "answer_format"),
                *(["verifier"] if self.plan.sampling.needs_verdicts else []),
            ),
            {
                "prompts": prompts.files[prompts_file(Path(), Split.train).name],
                "teacher": self.plan.identities["teacher"],
            },
            MakeResponses(
                teacher=self.plan.teacher,
                sampling=self.plan.sampling,
                verifier=self.plan.verifier,
                answer_format=self.plan.answer_format,
                prompts=prompts.folder,
                stores=self.plan.outputs / "pool",
                processes=self.plan.runtime.judges,
            ),
            holds_model=True,
            resumes=True,
            beside=lambda recipe: self._ahead(prompts, recipe),
            earlier=self._stores,
        )

    def _stores(self) -> Iterator[Path]:
        for member, _ in self.plan.teacher.members:
            about = store_about(member, self.plan.answer_format)
            yield store_folder(self.plan.outputs / "pool", about)

    def _ahead(self, prompts: Artefact, responses: Recipe) -> JudgingAhead | None:
        """Return what judges these responses while they are made."""
        if not self.plan.runtime.judge_ahead:
            return None
        about = {
            "version": VERSIONS["judge"],
            **self._settings("verifier", "answer_format"),
            "prompts": prompts.files[prompts_file(Path(), Split.train).name],
            "responses": responses.key,
        }
        return JudgingAhead(
            verifier=self.plan.verifier,
            answer_format=self.plan.answer_format,
            prompts=prompts.folder,
            folder=self.root / "judge" / "ahead" / digest_of_json(about)[:32],
        )

    def _rewards(self, prompts: Artefact, responses: Artefact) -> Artefact:
        ahead = self._ahead(prompts, responses.recipe)
        return self._make(
            "judge",
            {**self._settings("verifier"), **self._settings("answer_format")},
            {
                "prompts": prompts.files[prompts_file(Path(), Split.train).name],
                "responses": responses.digest,
            },
            MakeRewards(
                verifier=self.plan.verifier,
                answer_format=self.plan.answer_format,
                prompts=prompts.folder,
                responses=responses.folder,
                processes=self.plan.runtime.judges,
                ahead=ahead and ahead.folder,
            ),
            earlier=lambda: [ahead.folder] if ahead else [],
        )

    def _weights(self, responses: Artefact, rewards: Artefact) -> Artefact:
        return self._make(
            "weigh",
            self._settings("weighting", "budget"),
            {"responses": responses.digest, "rewards": rewards.digest},
            MakeWeights(
                weighting=self.plan.weighting,
                budget=self.plan.budget,
                responses=responses.folder,
                rewards=rewards.folder,
            ),
        )

    def _tokens(self, prompts: Artefact, responses: Artefact) -> Artefact:
        """Return the token ids of the pool: arms with equal tokenizers share them."""
        student = self.plan.student
        files = student.tokenizer_sources()
        return self._make(
            "tokenise",
            self._settings("answer_format"),
            {
                "prompts": prompts.files[prompts_file(Path(), Split.train).name],
                "responses": responses.digest,
                "tokenizer": digest_of_json(
                    {path.name: digest_of_path(path) for path in files}
                    or [student.model, student.revision]
                ),
            },
            MakeTokens(
                student=student,
                answer_format=self.plan.answer_format,
                prompts=prompts.folder,
                responses=responses.folder,
                processes=self.plan.runtime.judges,
            ),
        )

    def _references(self, pool: Mapping[str, Artefact]) -> Artefact:
        """Return what the base student makes of the responses; its own settings have little say."""
        plan = self.plan
        return self._make(
            "refer",
            {
                **self._settings("answer_format"),
                "student": {
                    name: value
                    for name, value in settings_of(plan.student).items()
                    if name not in _UNREFERRED
                },
            },
            {
                "tokens": pool["tokens"].digest,
                "responses": pool["responses"].digest,
                "base": plan.identities["student"],
            },
            MakeReferences(
                student=plan.student,
                answer_format=plan.answer_format,
                pool=_folders(pool),
                how=self._how(),
            ),
            holds_model=True,
        )

    def _student(self, pool: Mapping[str, Artefact]) -> Artefact:
        plan = self.plan
        dev_tokens = plan.evaluation.max_tokens
        prompts = pool["prompts"]
        made_from = {name: artefact.digest for name, artefact in pool.items() if name != "prompts"}
        return self._make(
            "train",
            {
                **self._settings("student", "objective", "budget", "answer_format", "verifier"),
                "dev_tokens": dev_tokens,
            },
            {
                "prompts": digest_of_json(
                    [prompts.files[prompts_file(Path(), split).name] for split in _LEARNT_FROM]
                ),
                **made_from,
                "base": plan.identities["student"],
            },
            MakeStudent(
                student=plan.student,
                objective=plan.objective,
                verifier=plan.verifier,
                answer_format=plan.answer_format,
                budget=plan.budget,
                pool=_folders(pool),
                how=self._how(),
                processes=plan.runtime.judges,
                max_tokens=dev_tokens,
            ),
            holds_model=True,
            resumes=True,
            processes=plan.runtime.processes,
        )

    def _how(self) -> TrainingHow:
        runtime = self.plan.runtime
        return TrainingHow(
            row_tokens=runtime.row_tokens,
            packing=runtime.packing,
            sharding=runtime.sharding,
            compile=runtime.compile,
        )

    def _scores(self, name: str, prompts: Artefact, student: Artefact) -> None:
        test = prompts.files[prompts_file(Path(), Split.test).name]
        plan = self.plan
        if not prompts.meta["prompts"][Split.test.value]:
            logger.warning("the data set has no test prompts: nothing is evaluated")
            return
        models = {
            "teacher": (plan.teacher.model, plan.teacher.revision, plan.identities["teacher"]),
            "base": (plan.student.model, plan.student.revision, plan.identities["student"]),
            "student": (str(student.folder / "model"), None, student.digest),
        }
        for role, (model, revision, identity) in models.items():
            if model is None:
                continue
            on_hub = role != "student" and not local_folders(model)
            self._make(
                "evaluate",
                self._settings("evaluation", "verifier", "answer_format"),
                {
                    "prompts": test,
                    "model": digest_of_json([model, revision]) if on_hub else identity,
                },
                MakeScores(
                    evaluation=plan.evaluation,
                    verifier=plan.verifier,
                    answer_format=plan.answer_format,
                    model=locate(model),
                    revision=revision,
                    prompts=prompts.folder,
                    processes=plan.runtime.judges,
                ),
                holds_model=True,
                role=f"{role}/{name}" if name else role,
            )

    def _settings(self, *groups: str) -> dict[str, object]:
        return {group: settings_of(getattr(self.plan, group)) for group in groups}

    def _make(
        self,
        stage: str,
        settings: Mapping[str, object],
        inputs: Mapping[str, str],
        maker: Maker,
        *,
        holds_model: bool = False,
        resumes: bool = False,
        beside: Callable[[Recipe], JudgingAhead | None] = lambda _: None,
        processes: int = 1,
        role: str | None = None,
        earlier: Callable[[], Iterable[Path]] = tuple,
    ) -> Artefact:
        return self.make(
            Step(
                recipe=Recipe(
                    stage=stage, version=VERSIONS[stage], settings=settings, inputs=inputs
                ),
                maker=maker,
                role=role,
                holds_model=holds_model,
                resumes=resumes,
                processes=processes,
                beside=beside,
                earlier=earlier,
            )
        )


def _folders(pool: Mapping[str, Artefact]) -> PoolFolders:
    return PoolFolders(**{name: artefact.folder for name, artefact in pool.items()})


_LEARNT_FROM = (Split.train, Split.dev)
_UNREFERRED = (
    "seed",
    "epochs",
    "max_steps",
    "batch_prompts",
    "learning_rate",
    "warmup",
    "min_learning_rate",
    "weight_decay",
    "max_gradient_norm",
    "gradient_checkpointing",
    "eval_every",
    "keep_checkpoints",
    "collapse_window",
    "collapse_drop",
    "collapse_surge",
)
"""The student's settings that have no say in its log-probs before it learns."""
