"""What the checks look at: the machine, and the run that is about to be started on it.

Nothing is got before a check asks for it, and everything at most once.
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from advdistill import stages
from advdistill.config import Plan
from advdistill.doctor.finding import MissingError
from advdistill.errors import AdvDistillError
from advdistill.hardware import Gpu, all_gpus, memory_bytes
from advdistill.models import load_tokenizer
from advdistill.planning.looking import Looked, look
from advdistill.records import Prompt, Split

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def installed_versions() -> dict[str, str]:
    """Return the version of every installed distribution by its canonical name."""
    found = {(one.metadata["Name"] or ""): one.version for one in metadata.distributions()}
    return {canonicalize_name(name): version for name, version in found.items() if name}


def requirements_of(distribution: str) -> list[str]:
    """Return what an installed distribution says it needs."""
    return list(metadata.requires(distribution) or [])


def free_bytes(folder: Path) -> int:
    """Return the free bytes of the disk that a folder lies on, or would lie on."""
    there = next(one for one in (folder, *folder.parents) if one.exists())
    return shutil.disk_usage(there).free


def cuda_version() -> str | None:
    """Return the CUDA that torch was built for; None for a build without."""
    import torch

    return torch.version.cuda


@dataclass(frozen=True, kw_only=True)
class Machine:
    """This machine and what is installed on it, as far as the checks ask."""

    python: tuple[int, int] = (sys.version_info.major, sys.version_info.minor)
    versions: Mapping[str, str] = field(default_factory=installed_versions)
    requires: Callable[[str], Sequence[str]] = requirements_of
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    home: Path = field(default_factory=Path.home)
    cores: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))
    load: float = field(default_factory=lambda: os.getloadavg()[0])
    gpus: Sequence[Gpu] = field(default_factory=all_gpus)
    cuda: Callable[[], str | None] = cuda_version
    memory_bytes: int = field(default_factory=memory_bytes)
    free_bytes: Callable[[Path], int] = free_bytes
    clock: Callable[[], float] = time.time
    which: Callable[[str], str | None] = shutil.which
    headers: Path = Path(sysconfig.get_path("include"))


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A machine and the configurations of the cells that are to be run on it."""

    machine: Machine
    plans: Callable[[], Sequence[tuple[tuple[str, ...], Plan]]]
    """Returns each cell's settings and plan; raises what is wrong with them."""

    @cached_property
    def cells(self) -> Sequence[tuple[tuple[str, ...], Plan]]:
        """The plans of all cells.

        Raises:
            AdvDistillError: a setting is wrong.
        """
        return self.plans()

    @property
    def plan(self) -> Plan:
        """The first cell's plan.

        Raises:
            MissingError: the configuration is wrong, of which its own check tells.
        """
        try:
            return self.cells[0][1]
        except AdvDistillError as error:
            raise MissingError("the configuration is wrong") from error

    @cached_property
    def splits(self) -> dict[Split, list[Prompt]]:
        """The run's own prompts.

        Raises:
            MissingError: they cannot be read, of which their own check tells.
        """
        dataset = self.plan.dataset
        try:
            return stages.load(dataset)
        except AdvDistillError as error:
            raise MissingError("the data set cannot be read") from error

    @cached_property
    def held_out(self) -> dict[str, list[Prompt]]:
        """The test prompts of each further data set.

        Raises:
            MissingError: they cannot be read, of which their own check tells.
        """
        try:
            return {
                name: stages.load(dataset, needed=Split.test)[Split.test]
                for name, dataset in self.plan.held_out.items()
            }
        except AdvDistillError as error:
            raise MissingError("a held-out data set cannot be read") from error

    @cached_property
    def looked(self) -> Looked:
        """What must be made.

        Raises:
            MissingError: the data set cannot be read.
        """
        self.plan  # noqa: B018  (raises MissingError)
        try:
            with TemporaryDirectory(prefix="advdistill-doctor-") as scratch:
                return look(self.cells, Path(scratch))
        except AdvDistillError as error:
            raise MissingError("the data set cannot be read") from error

    @cached_property
    def models(self) -> dict[str, tuple[str, str | None]]:
        """By role, the models that are run here, each with its revision."""
        plan = self.plan
        named = {
            "teacher": (plan.teacher.model, plan.teacher.revision),
            "student": (plan.student.model, plan.student.revision),
        }
        return {role: (model, pin) for role, (model, pin) in named.items() if model is not None}

    @cached_property
    def tokenizers(self) -> dict[str, PreTrainedTokenizerBase]:
        """Their tokenizers.

        Raises:
            MissingError: one cannot be loaded, of which the check of the models tells.
        """
        try:
            return {role: load_tokenizer(*model) for role, model in self.models.items()}
        except (AdvDistillError, OSError, ValueError) as error:
            raise MissingError("a tokenizer cannot be loaded") from error
