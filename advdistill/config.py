"""The run's configuration, checked whole before any work is spent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from advdistill.answers import AnswerFormat
from advdistill.budget import Budget
from advdistill.build import build, build_settings, naming
from advdistill.digests import digest_of_json, digest_of_path, settings_of
from advdistill.errors import ConfigError
from advdistill.interfaces import (
    Dataset,
    Evaluation,
    Objective,
    Packing,
    Sampling,
    Sharding,
    Student,
    Teacher,
    Verifier,
    Weighting,
)
from advdistill.limits import Limits
from advdistill.models import local_folders
from advdistill.sweeping import SweepSettings
from advdistill.tracking import Tracking

if TYPE_CHECKING:
    from omegaconf import DictConfig

INTERFACES: dict[str, type[Any]] = {
    "dataset": Dataset,
    "teacher": Teacher,
    "sampling": Sampling,
    "verifier": Verifier,
    "answer_format": AnswerFormat,
    "weighting": Weighting,
    "budget": Budget,
    "objective": Objective,
    "student": Student,
    "evaluation": Evaluation,
}
"""The groups whose settings are a cell's identity, in the order in which data flows."""
_UNHASHED = ("limits", "runtime", "tracking")
"""The groups that change no number."""
SWEEP = "sweep"
"""The node that says how a multirun is carried out, in no key either."""


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """How a run is carried out; nothing here is part of a key."""

    threads: int | None
    """Threads of torch; null leaves its own choice."""
    row_tokens: int
    """Prompt and response tokens per forward pass of the training."""
    packing: Packing
    """How responses share a forward pass of the training."""
    compile: bool
    """Compile the student's layers for the training, unless it has an adapter: faster on a GPU,
    after half a minute's start."""
    processes: int
    """Training processes on this machine."""
    sharding: Sharding
    """What each of several training processes holds."""
    isolate: bool
    """Run each stage that holds a model in a process of its own."""
    judges: int
    """Processes that judge and tokenise the pool, each a shard at a time, and as many for the
    verdicts that cannot promise to end."""
    judge_ahead: bool
    """Judge the shards of a pool while the teacher answers others."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name, value in (
            ("threads", 1 if self.threads is None else self.threads),
            ("row_tokens", self.row_tokens),
            ("processes", self.processes),
            ("judges", self.judges),
        ):
            if value < 1:
                raise ConfigError(f"runtime: {name} is {value}; wanted at least 1")
        if self.compile and self.processes > 1:
            raise ConfigError(
                f"runtime: compile is true with processes={self.processes}; wanted one process, "
                "as compiled layers have been proved in no other; give runtime.compile=false"
            )


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """The scalars at the top of the configuration."""

    name: str
    seed: int
    seeds: int
    margin: float
    """In points: the largest difference between arms that counts as none."""
    outputs: str
    max_unjudged: float
    max_unverified: int
    decontaminate: bool
    overlap_words: int

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", self.name):
            raise ConfigError(f"name is '{self.name}'; wanted letters, digits, '.', '_' and '-'")
        if not 0 <= self.max_unjudged <= 1:
            raise ConfigError(f"max_unjudged is {self.max_unjudged}; wanted a share from 0 to 1")
        if self.max_unverified < 0:
            raise ConfigError(f"max_unverified is {self.max_unverified}; wanted 0 or more")
        if self.overlap_words < 1:
            raise ConfigError(f"overlap_words is {self.overlap_words}; wanted at least 1")
        if self.seeds < 1:
            raise ConfigError(f"seeds is {self.seeds}; wanted at least 1")
        if not 0 < self.margin < 100:
            raise ConfigError(f"margin is {self.margin}; wanted points above 0 and below 100")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything a run needs, built and checked."""

    settings: RunSettings
    outputs: Path
    dataset: Dataset
    held_out: Mapping[str, Dataset]
    """Data sets that are evaluated on beside `dataset`, by the name the person gave them."""
    teacher: Teacher
    sampling: Sampling
    verifier: Verifier
    answer_format: AnswerFormat
    weighting: Weighting
    budget: Budget
    objective: Objective
    student: Student
    evaluation: Evaluation
    limits: Limits
    runtime: Runtime
    tracking: Tracking
    choices: Mapping[str, str]
    """The chosen option of each group."""
    config: Mapping[str, object]
    """The resolved configuration, for the record."""
    identities: Mapping[str, str]
    """By group: the digest of the local files that dataset, teacher and student read."""

    @property
    def key(self) -> str:
        """The cell's identity: every setting that can change its numbers."""
        components = {group: settings_of(getattr(self, group)) for group in INTERFACES}
        held_out = {name: settings_of(dataset) for name, dataset in self.held_out.items()}
        scalars = {name: getattr(self.settings, name) for name in _HASHED}
        return digest_of_json(
            {
                **components,
                **scalars,
                "held_out": held_out,
                "identities": dict(self.identities),
            }
        )


_HASHED = ("seed", "max_unjudged", "max_unverified", "decontaminate", "overlap_words")


def plan_of(cfg: DictConfig, choices: Mapping[str, str]) -> Plan:
    """Return the plan that the configuration spells; `choices` names each group's option.

    Raises:
        ConfigError: anything in it that cannot work, found before the first stage runs.
    """
    check_groups(cfg)
    settings = build_settings(cfg, RunSettings)
    components = {name: build(name, cfg[name], kind) for name, kind in INTERFACES.items()}
    check_teacher(components["teacher"], components["sampling"])
    _check_pinned("student", components["student"])
    _check_signs(components["weighting"], components["objective"])
    held_out = held_out_of(cfg, components["dataset"])
    if SWEEP in cfg:  # a run folder's own configuration may be older
        sweep_settings_of(cfg)
    plain = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(plain, dict)
    return Plan(
        settings=settings,
        outputs=_writable(Path(settings.outputs).absolute()),
        limits=build("limits", cfg.limits, Limits),
        runtime=build("runtime", cfg.runtime, Runtime),
        tracking=build("tracking", cfg.tracking, Tracking),
        choices={group: choices[group] for group in INTERFACES if group in choices},
        config={str(name): value for name, value in plain.items()},
        held_out=held_out,
        identities={
            **{group: _identity(group, components[group]) for group in _READERS},
            **{f"held_out.{name}": _identity(name, held_out[name]) for name in held_out},
        },
        **components,
    )


def sweep_settings_of(cfg: DictConfig) -> SweepSettings:
    """Return how a multirun of this configuration is carried out.

    Raises:
        ConfigError: a setting of it is unknown, missing, of another type or out of range.
    """
    return build(SWEEP, cfg[SWEEP], SweepSettings)


_READERS = ("dataset", "teacher", "student")


def held_out_of(cfg: DictConfig, dataset: Dataset) -> dict[str, Dataset]:
    """Return the further data sets that are evaluated on.

    Raises:
        ConfigError: one cannot be built, or goes by a name that is taken.
    """
    nodes: dict[Any, Any] = dict(cfg.held_out.items())
    built: dict[str, Dataset] = {
        str(name): build(f"held_out.{name}", node, Dataset) for name, node in nodes.items()
    }
    named = {dataset.name: "dataset"}
    for name, one in built.items():
        if one.name in named:
            raise ConfigError(
                f"held_out.{name}.name is '{one.name}', as that of {named[one.name]}; wanted "
                f"another, since scores go by it; give held_out.{name}.name=NAME"
            )
        named[one.name] = f"held_out.{name}"
    return built


def check_groups(cfg: DictConfig) -> None:
    """Refuse a configuration that lacks a group or has a setting that none knows.

    Raises:
        ConfigError: the near miss is named.
    """
    groups = [*INTERFACES, *_UNHASHED]
    for group in groups:
        if not OmegaConf.is_dict(cfg.get(group)):
            raise ConfigError(f"group '{group}' is not set; give {group}=OPTION, see conf/{group}/")
    if not OmegaConf.is_dict(cfg.get("held_out")):
        raise ConfigError("held_out is not set; give held_out={} or +dataset@held_out.NAME=OPTION")
    known = [*groups, "held_out", SWEEP, *RunSettings.__dataclass_fields__]
    for name in map(str, cfg):
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise ConfigError(f"unknown setting '{name}'{hint} (known: {', '.join(known)})")


def check_teacher(teacher: Teacher, sampling: Sampling) -> None:
    """Refuse a teacher whose answers could change, or cannot be had in this way.

    Raises:
        ConfigError: a model without a revision, a missing file, or a sampling that does not fit.
    """
    for member, _ in teacher.members:
        _check_pinned("teacher", member)
    _check_sampling(teacher, sampling)
    _check_sources("teacher", teacher)


def _check_pinned(group: str, component: Teacher | Student) -> None:
    model = component.model
    with naming(group):
        on_hub = model is not None and not local_folders(model)
    if on_hub and component.revision is None:
        raise ConfigError(
            f"{group}.model is '{model}' on the hub without a revision, so that what it names "
            f"could change; give {group}.revision=COMMIT (or `main`, if you accept that)"
        )


def _check_sampling(teacher: Teacher, sampling: Sampling) -> None:
    asked = [member for member, _ in teacher.members if member.stored]
    if sampling.needs_verdicts and len(asked) != len(teacher.members):
        raise ConfigError(
            "sampling: this one asks a teacher again, and the teacher's answers are those of a "
            "file; wanted a teacher that can be asked; give sampling=fixed"
        )
    if sampling.needs_verdicts and len(asked) > 1:
        raise ConfigError(
            f"sampling: this one asks one teacher again, and the teacher is a mixture of "
            f"{len(asked)}, whose shares would change; give sampling=fixed or one teacher"
        )


def _check_signs(weighting: Weighting, objective: Objective) -> None:
    found = objective.objection(signed=weighting.signed)
    if found is not None:
        raise ConfigError(found)


def _identity(group: str, component: Dataset | Teacher | Student) -> str:
    _check_sources(group, component)
    return digest_of_json([digest_of_path(path) for path in component.sources()])


def _check_sources(group: str, component: Dataset | Teacher | Student) -> None:
    for path in component.sources():
        if not path.exists():
            unset = re.search(r"(\w+)_is_not_set", str(path))
            remedy = f"; set the environment variable {unset[1]}" if unset else ""
            raise ConfigError(
                f"{group}: {path} does not exist; wanted the file or folder that its settings "
                f"name{remedy}"
            )


def _writable(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()  # of a name of its own: two runs may start at once
    except OSError as error:
        raise ConfigError(
            f"outputs folder '{folder}' cannot be written ({error.strerror}); "
            "wanted a folder of yours with free space; give outputs=FOLDER"
        ) from error
    return folder
