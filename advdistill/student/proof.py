"""Before the first step: the trained path has the gradient of the formula, or training is refused.

A few responses of the first batch go through packing, attention, fused head and objective as in
training, and through a plain padded pass. What differs is rounding, or a fault.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import transformers

from advdistill.errors import StageError
from advdistill.interfaces import Objective, Sharding, TrainingJob
from advdistill.student.batches import Row
from advdistill.student.excerpt import excerpt
from advdistill.student.finetune import Dtype
from advdistill.student.forward import PassLoss
from advdistill.student.gradient import responses_of
from advdistill.student.loading import Base
from advdistill.student.parallel import Root, World, is_sharded
from advdistill.student.plain import PlainGradient, plain_gradient
from advdistill.student.reduced import computes_exactly, fits, reduced
from advdistill.student.share import gradient_of
from advdistill.student.training import Training

if TYPE_CHECKING:
    from transformers import PreTrainedModel

PROOF = "proof.json"
ITSELF = "the student itself"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """How far the trained path is from the plain one, as shares.

    A gradient whose parts cancel is all rounding, so that a gap is a share of what the parts come
    to where none takes from another, or of the gradient itself if that is larger.
    """

    loss_gap: float
    gradient_gap: float
    limit: float
    """Of both."""
    gradient_norm: float
    gradient_scale: float
    """What the gap is a share of."""
    worst_tensor: str
    worst_gap: float
    """Of that tensor's gradient; one of less than a hundredth of the whole counts as that."""

    @property
    def fine(self) -> bool:
        """Whether both are within the limit."""
        return self.loss_gap <= self.limit and self.gradient_gap <= self.limit


LIMITS = {Dtype.float32: 1e-4, Dtype.bfloat16: 5e-2}


def prove(training: Training, folder: Path) -> None:
    """Leave `proof.json` in the folder, unless it is there; parameters and randomness stay.

    Raises:
        StageError: the trained path is not within the limits of the plain one.
    """
    path = folder / PROOF
    about = {
        "packing": training.base.packing.value,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "fingerprint": training.checkpoints.fingerprint,
    }
    if path.exists() and about.items() <= json.loads(path.read_text()).items():
        return
    rows = excerpt(training)
    base, name = _provable(training, rows)
    gaps = _gaps(training, base, rows)
    exact = gaps[Dtype.float32]
    numbers = {"proof_loss_gap": exact.loss_gap, "proof_gradient_gap": exact.gradient_gap}
    training.job.watch.report(numbers, 0)
    found = {
        **asdict(exact),
        **{dtype: asdict(gap) for dtype, gap in gaps.items() if dtype is not Dtype.float32},
        "rows": len(rows),
        "tokens": sum(row.response_tokens for row in rows),
        "model": name,
        **about,
    }
    if training.base.world.main:
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f"{PROOF}.tmp"
        draft.write_text(json.dumps(found, indent=2) + "\n")
        draft.replace(path)


def compare(
    base: Base, rows: Sequence[Row], plain: PlainGradient, *, objective: Objective, job: TrainingJob
) -> Gap:
    """Return how far the trained path, in the student's dtype, is from the plain one.

    Passes are made so short that there are several of them.
    """
    whole = sum(row.length for row in rows)
    try:
        found = gradient_of(
            base,
            rows,
            objective=objective,
            denominator=objective.denominator(responses_of(rows)),
            job=replace(job, row_tokens=min(job.row_tokens, math.ceil(whole / 2))),
        )
        return _gap(base.model, found.loss, plain, LIMITS[base.student.dtype])
    finally:
        for parameter in base.model.parameters():
            parameter.grad = None


def require_fine(gap: Gap, base: Base, *, objective: Objective) -> None:
    """Check that a gap is within its limit.

    Raises:
        StageError: it is not.
    """
    if gap.fine:
        return
    raise StageError(
        f"student '{type(base.model).__name__}' with objective '{type(objective).__name__}' and "
        f"runtime.packing={base.packing.value}: in {base.student.dtype.value} the gradient of the "
        f"first responses is {gap.gradient_gap:.3g} off that of a plain padded pass and the loss "
        f"{gap.loss_gap:.3g}, as shares (worst tensor {gap.worst_tensor}: {gap.worst_gap:.3g}); "
        f"wanted at most {gap.limit:.3g} of either; no step was taken, as it would "
        "train something else than the objective says; give runtime.packing=padded and "
        "report this"
    )


def _gaps(training: Training, base: Base, rows: Sequence[Row]) -> dict[Dtype, Gap]:
    """Return the gap in float32 and, if the student trains in another dtype, in that."""
    objective, job = training.objective, training.job
    gaps = {}
    with _quiet(base.model):
        dtypes = list(dict.fromkeys([Dtype.float32, base.student.dtype]))
        plain = plain_gradient(base.model, rows, objective=objective)
        for dtype in dtypes:
            exact = replace(base, student=replace(base.student, dtype=dtype))
            gaps[dtype] = compare(exact, rows, plain, objective=objective, job=job)
            require_fine(gaps[dtype], exact, objective=objective)
    return gaps


def _provable(training: Training, rows: Sequence[Row]) -> tuple[Base, str]:
    """Return the base with the student's model, or with a reduced one, and the model's name."""
    base = training.base
    padded = len(rows) * max(row.length for row in rows)
    whole = not is_sharded(base.model) and training.job.sharding is not Sharding.deepspeed
    itself = whole and computes_exactly(base.model) and fits(base.model, padded)
    if not base.world.most(not itself):  # with one mind: the passes are made together
        return base, ITSELF
    model, name = reduced(base.model, base.student)
    alone = World(rank=0, size=1, device=base.world.device)
    return replace(
        base,
        model=model,
        pass_loss=PassLoss(model, alone=base.world.size == 1, compiled=training.job.compile),
        module=Root(model),
        world=alone,
    ), name


def _gap(model: PreTrainedModel, loss: float, plain: PlainGradient, limit: float) -> Gap:
    size = max(plain.norm, plain.scale)
    found = {name: p.grad for name, p in model.named_parameters() if p.requires_grad}
    apart: dict[str, float] = {}
    shares: dict[str, float] = {}
    for name, wanted in plain.gradient.items():
        slope = found[name]
        difference = wanted if slope is None else slope - wanted
        apart[name] = float(difference.norm())
        shares[name] = _share(apart[name], max(float(wanted.norm()), size / 100))
    # a gap that is no number is the worst
    worst = max(shares, key=lambda name: math.inf if math.isnan(shares[name]) else shares[name])
    return Gap(
        loss_gap=_share(abs(loss - plain.loss), max(abs(plain.loss), plain.loss_scale)),
        gradient_gap=_share(math.hypot(*apart.values()), size),
        limit=limit,
        gradient_norm=plain.norm,
        gradient_scale=size,
        worst_tensor=worst,
        worst_gap=shares[worst],
    )


def _share(part: float, whole: float) -> float:
    """Return the part of a whole; 0 where both are 0."""
    return part / whole if whole else math.inf if part else 0.0


@contextmanager
def _quiet(model: PreTrainedModel) -> Iterator[None]:
    """Let the model compute as in training, but without dropout, inside; randomness stays.

    A model that has dropout is in evaluation mode, where no activations are checkpointed either.
    """
    before = [(module, module.training) for module in model.modules()]
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        model.train(not _has_dropout(model))
        try:
            yield
        finally:
            for module, training in before:
                module.training = training


def _has_dropout(model: PreTrainedModel) -> bool:
    settings = model.config.get_text_config().to_dict()
    named = any(settings[name] for name in settings if "drop" in name or "noise" in name)
    modules = any(isinstance(module, torch.nn.Dropout) and module.p for module in model.modules())
    return named or modules
