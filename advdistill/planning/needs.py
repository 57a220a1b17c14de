"""Tokens, memory and disk of what must be made: counts where there are counts, bounds elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from advdistill.config import Plan
from advdistill.digests import settings_of
from advdistill.interfaces import Sharding
from advdistill.making import shard_files
from advdistill.planning.looking import Looked, PlannedCell
from advdistill.planning.models import Shape, shape_of
from advdistill.records import Response, Split
from advdistill.tables import read_table

_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2, "auto": 2}
_FOUR_BITS = 0.55
"""Bytes of a weight in NF4 with its scales, about."""
_TOKEN_BYTES = 20
"""On the disk, about: its text in the store and in the pool, and its id."""


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """Of one pool."""

    prompts: int
    answers: int
    most: int | None
    """Answers times the longest one allowed; None where the teacher names no longest."""
    found: int | None
    """Response tokens of the pool that is there; None where there is none, or it does not say."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bytes that a stage's model takes on one device."""

    what: str
    parts: dict[str, float]

    @property
    def total(self) -> float:
        """All parts together."""
        return sum(self.parts.values())


@dataclass(frozen=True, kw_only=True)
class Disk:
    """Bytes that are written below the outputs."""

    kept: float
    while_training: float
    """More, for as long as a training lasts."""

    @property
    def total(self) -> float:
        """What must be free."""
        return self.kept + self.while_training


def pools(looked: Looked) -> dict[str, Tokens]:
    """Return the tokens of each pool, by the key of its `sample` step."""
    return {
        step.key: tokens_of(cell)
        for cell in looked.cells
        for step in cell.steps
        if step.stage == "sample"
    }


def tokens_of(cell: PlannedCell) -> Tokens:
    """Return the tokens of the cell's pool."""
    longest = settings_of(cell.plan.teacher).get("max_tokens")
    pool = cell.artefacts.get("sample")
    found = None
    if pool is not None:
        counts = [
            read_table(file, Response, ["tokens"])["tokens"] for file in shard_files(pool.folder)
        ]
        known = not any(count.null_count for count in counts)
        found = sum(sum(count.to_pylist()) for count in counts) if known else None
    return Tokens(
        prompts=cell.sizes.prompts[Split.train],
        answers=cell.sizes.answers,
        most=None if longest is None else cell.sizes.answers * longest,
        found=found,
    )


def memory_of(looked: Looked) -> list[Memory]:
    """Return what each model that must be loaded takes, the largest first; unknown ones left out.

    Weights and what training adds are counted; what generation holds beside its weights, keys and
    values of the answers under way, is not.
    """
    found: dict[str, Memory] = {}
    for cell, step in looked.to_make():
        plan = cell.plan
        if step.stage == "train":
            one = training_memory(plan)
        elif step.holds_model:
            teacher = step.stage == "sample" or step.name.startswith("evaluate/teacher")
            one = _serving(plan, teacher=teacher, stage=step.stage)
        else:
            continue
        if one is not None:
            found[one.what] = one
    return sorted(found.values(), key=lambda one: -one.total)


def training_memory(plan: Plan) -> Memory | None:
    """Return what a training takes on one device; None where the model's size is not known.

    What is trained is in float32 with its gradient and AdamW's two moments. Activations are those
    of the largest pass, see `activation_bytes`.
    """
    student: Any = plan.student
    shape = shape_of(student.model, student.revision)
    if shape is None:
        return None
    trained, frozen = _trained(student, shape)
    shards = plan.runtime.processes if plan.runtime.sharding is not Sharding.none else 1
    weights = 1 if plan.runtime.sharding is not Sharding.fsdp else shards
    return Memory(
        what=f"train {student.model}",
        parts={
            "parameters": 4 * trained / weights + frozen,
            "gradients": 4 * trained / shards,
            "optimiser": 8 * trained / shards,
            "activations (about)": activation_bytes(
                shape,
                tokens=plan.runtime.row_tokens,
                width=_BYTES[student.dtype],
                checkpointing=student.gradient_checkpointing,
            ),
        },
    )


def activation_bytes(shape: Shape, *, tokens: int, width: int, checkpointing: bool) -> float:
    """Return about what a pass of so many tokens keeps for its backward pass.

    Reconstruction: of each layer of a Llama-like model with attention that keeps no scores, the
    inputs of its parts: block, two norms, their outputs, queries, keys, values, attention's output
    and four of the feed-forward's width. With checkpointing the block's input alone is kept, and
    the rest of one layer at a time.
    """
    inside = 6 * shape.hidden + 2 * shape.key_values + 4 * shape.feed_forward
    kept = shape.hidden * shape.layers + inside if checkpointing else inside * shape.layers
    return float(tokens * width * kept)


def disk_of(looked: Looked) -> Disk:
    """Return about what the steps that must be made write."""
    models, during = 0.0, 0.0
    for cell, step in looked.to_make():
        if step.stage == "train":
            kept, more = _checkpoints(cell.plan)
            models += kept
            during = max(during, more)
    text = sum(
        _TOKEN_BYTES * (tokens.most or 0)
        for key, tokens in pools(looked).items()
        if key in {step.key for _, step in looked.to_make()}
    )
    return Disk(kept=models + text, while_training=during)


def _checkpoints(plan: Plan) -> tuple[float, float]:
    """Return the bytes of a trained model, and of the checkpoints on the way to it."""
    student: Any = plan.student
    shape = shape_of(student.model, student.revision)
    if shape is None:
        return 0.0, 0.0
    trained, _ = _trained(student, shape)
    held = student.keep_checkpoints + 2  # the best one, and the one that is being written
    return float(shape.parameters * _BYTES[student.dtype]), float(12 * trained * held)


def _trained(student: Any, shape: Shape) -> tuple[int, float]:
    """Return how many parameters are trained, and the bytes of the frozen ones."""
    if student.adapter is None:
        return shape.parameters, 0.0
    named = frozenset(student.adapter.targets) - {"all-linear"}
    width = _FOUR_BITS if student.adapter.quantise else _BYTES[student.dtype]
    return shape.adapter_parameters(student.adapter.rank, named), shape.parameters * width


def _serving(plan: Plan, *, teacher: bool, stage: str) -> Memory | None:
    model = plan.teacher.model if teacher else plan.student.model
    revision = plan.teacher.revision if teacher else plan.student.revision
    shape = None if model is None else shape_of(model, revision)
    if shape is None:
        return None
    holder = plan.evaluation if stage == "evaluate" else plan.teacher
    width = _BYTES.get(settings_of(holder).get("dtype", "auto"), 4)
    return Memory(what=f"{stage} {model}", parts={"parameters": float(width * shape.parameters)})


def largest(memories: Iterable[Memory]) -> float:
    """Return the bytes of the largest; stages do not hold models at the same time."""
    return max((memory.total for memory in memories), default=0.0)
