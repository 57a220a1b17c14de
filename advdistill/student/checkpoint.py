"""Checkpoints that survive a kill: safetensors and JSON, written aside, checked, then renamed."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file

from advdistill.student.parallel import World, is_sharded
from advdistill.student.sharded import Part, fill, read_whole, write_part

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from transformers import PreTrainedModel

logger = logging.getLogger(__name__)

MODEL, OPTIMIZER, RANDOMNESS = "model", "optimizer", "random"
"""What the files of a checkpoint are called, before the part they hold and `.safetensors`."""

MANIFEST = "manifest.json"

CHECKPOINTS = "checkpoints"
"""The folder of checkpoints below the training's folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the training is."""

    step: int = 0
    best_step: int | None = None
    """None before the first check on dev, and always without a dev split; 0 is the base model."""
    best_score: float | None = None
    tokens: int = 0
    """Response tokens trained on, each as often as it was seen."""
    vitals: Mapping[str, list[float]] = field(default_factory=dict)
    """Numbers of the first and the last steps, which show a collapse."""


@dataclass(frozen=True, kw_only=True)
class Checkpoints:
    """The checkpoints of one training: the last ones and the best of each of them."""

    folder: Path
    fingerprint: str
    """Of everything that the numbers depend on; a checkpoint with another one is not used."""
    keep: int
    world: World
    """The main process writes what all hold alike and decides what is used."""
    resumes: bool
    """False where the optimizer's moments are out of reach; the weights are kept even so."""

    def save(self, model: PreTrainedModel, optimizer: Optimizer, progress: Progress) -> None:
        """Store model, optimizer and random state under the step, then drop what is not needed.

        Every process calls it and writes what it alone holds; the manifest comes last.
        """
        draft = self.folder / f"{_name(progress.step)}.draft"
        if self.world.main:
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
        self.world.wait()
        if self.world.main or is_sharded(model):
            of_model = self._file(MODEL, parts=is_sharded(model))
            write_part(draft / of_model, _trained(model))
            if self.resumes:
                of_optimizer = self._file(OPTIMIZER, parts=is_sharded(model))
                write_part(draft / of_optimizer, _optimizer_state(model, optimizer))
        write_part(draft / self._file(RANDOMNESS, parts=self.world.size > 1), _random_state())
        self.world.wait()
        if self.world.main:
            _write_manifest(draft, self.fingerprint, progress)
            commit(draft, self.folder / _name(progress.step))
            self._prune()

    def restore(self, model: PreTrainedModel, optimizer: Optimizer) -> Progress:
        """Load the last checkpoint that is whole; a fresh `Progress` if there is none.

        One that is not whole is named in a warning and removed. It may have been written by
        another number of processes, sharded or not.
        """
        step = int(self.world.told(self._last_whole() if self.world.main else 0))
        if step == 0:
            return Progress()
        path = self.folder / _name(step)
        self.load_weights(model, step)
        _load_optimizer(model, optimizer, path)
        self._load_random(path)
        return _progress(path)

    def _last_whole(self) -> int:
        for step in reversed(self._steps()):
            path = self.folder / _name(step)
            fault = self._fault(path)
            if fault is None:
                return step
            logger.warning("checkpoint '%s' is not used and is removed: %s", path.name, fault)
            shutil.rmtree(path)
        return 0

    def load_weights(self, model: PreTrainedModel, step: int) -> None:
        """Load the weights of one step into the model."""
        for name, tensor in read_whole(self.folder / _name(step), MODEL):
            fill(model.get_parameter(name), tensor)

    def _file(self, stem: str, *, parts: bool) -> str:
        part = Part(rank=self.world.rank, size=self.world.size)
        return part.name(stem) if parts else f"{stem}.safetensors"

    def _load_random(self, path: Path) -> None:
        own = path / self._file(RANDOMNESS, parts=self.world.size > 1)
        if own.exists():
            _set_random(load_file(own))
            return
        logger.warning(
            "checkpoint '%s' was written by another number of processes than %d: the random state, "
            "which dropout draws from, starts anew",
            path.name,
            self.world.size,
        )
        torch.manual_seed(torch.initial_seed() + int(path.name[4:]))

    def _steps(self) -> list[int]:
        names = [path.name for path in self.folder.glob("step*")]
        return sorted(int(name[4:]) for name in names if name[4:].isdecimal())

    def _prune(self) -> None:
        last = self._steps()[-self.keep :]
        best = {_progress(self.folder / _name(step)).best_step for step in last}
        for step in set(self._steps()) - best - set(last):
            shutil.rmtree(self.folder / _name(step))

    def _fault(self, path: Path) -> str | None:
        """Return what is wrong with a checkpoint or with the best one that it points to."""
        if not self.resumes:
            return "DeepSpeed keeps its moments to itself, so that training starts anew"
        fault = _broken(path, self.fingerprint)
        if fault is not None:
            return fault
        if not any(path.glob(f"{OPTIMIZER}.*")):
            return "it holds no moments, as DeepSpeed kept them to itself"
        best = _progress(path).best_step
        if not best or path.name == _name(best):
            return None
        fault = _broken(self.folder / _name(best), self.fingerprint)
        return fault and f"the best one so far, '{_name(best)}', is not whole: {fault}"


def commit(draft: Path, final: Path) -> None:
    """Force a folder to the disk and give it its name in one move, in place of an older one."""
    for path in sorted(draft.rglob("*")):
        _sync(path)
    _sync(draft)
    if final.exists():
        shutil.rmtree(final)
    draft.replace(final)
    _sync(final.parent)


def _write_manifest(draft: Path, fingerprint: str, progress: Progress) -> None:
    manifest = {
        "fingerprint": fingerprint,
        "progress": asdict(progress),
        "files": {path.name: _digest(path) for path in sorted(draft.iterdir())},
    }
    (draft / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")


def _name(step: int) -> str:
    return f"step{step:05d}"


def _progress(path: Path) -> Progress:
    return Progress(**json.loads((path / MANIFEST).read_text())["progress"])


def _broken(path: Path, fingerprint: str) -> str | None:
    if not (path / MANIFEST).is_file():
        return f"{MANIFEST} is missing"
    try:
        manifest = json.loads((path / MANIFEST).read_text())
    except ValueError:
        return f"{MANIFEST} is cut off"
    if manifest["fingerprint"] != fingerprint:
        return "it was made with other settings or examples"
    for name, digest in manifest["files"].items():
        if not (path / name).is_file():
            return f"{name} is missing"
        if _digest(path / name) != digest:
            return f"{name} has another checksum than when it was written"
    return None


def _trained(model: PreTrainedModel) -> dict[str, torch.Tensor]:
    """Return the parameters that are trained; the others are those of the base."""
    return {
        name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad
    }


def _optimizer_state(model: PreTrainedModel, optimizer: Optimizer) -> dict[str, torch.Tensor]:
    return {
        f"{name}/{key}": tensor
        for name, parameter in model.named_parameters()
        for key, tensor in optimizer.state.get(parameter, {}).items()
    }


def _load_optimizer(model: PreTrainedModel, optimizer: Optimizer, path: Path) -> None:
    for label, tensor in read_whole(path, OPTIMIZER):
        name, key = label.rsplit("/", 1)
        parameter = model.get_parameter(name)
        # AdamW counts its steps on the CPU, or where the parameter is if it is fused; its moments
        # are as the parameter is, in parts or not.
        place = parameter.device if optimizer.defaults["fused"] else "cpu"
        like = tensor.to(place) if key == "step" else parameter
        there = torch.zeros_like(like, requires_grad=False)
        fill(there, tensor)
        optimizer.state[parameter][key] = there


def _random_state() -> dict[str, torch.Tensor]:
    state = {"cpu": torch.get_rng_state()}
    return {**state, "cuda": torch.cuda.get_rng_state()} if torch.cuda.is_available() else state


def _set_random(state: Mapping[str, torch.Tensor]) -> None:
    torch.set_rng_state(state["cpu"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
