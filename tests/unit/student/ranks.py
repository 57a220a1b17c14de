"""Makers that train or differentiate on several ranks, and the same in one process."""

import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch.distributed.tensor import DTensor
from transformers import AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerBase

from advdistill.engine.generation import Decoding
from advdistill.engine.transformers import generate
from advdistill.interfaces import Objective, Responses, Scope, Sharding, TokenBatch, Watch
from advdistill.student.batches import Row, encode
from advdistill.student.finetune import Adapter, Dtype, Overlong
from advdistill.student.forward import PassLoss
from advdistill.student.gradient import responses_of
from advdistill.student.loading import Base
from advdistill.student.parallel import World, open_accelerator, shared, whole
from advdistill.student.share import gradient_of
from tests.tiny import END, byte_tokenizer, pool
from tests.unit.student.students import OBJECTIVE, Notebook, job, student

ALONE = World(rank=0, size=1, device=torch.device("cpu"))


@dataclass(frozen=True)
class GroupSquares:
    """The square of each prompt's weighted log-prob: its tokens depend on each other."""

    scope = Scope.step
    needs_teacher = False
    needs_reference = False

    def objection(self, *, signed: bool) -> str | None:
        return None

    def loss(self, batch: TokenBatch) -> torch.Tensor:
        groups_B = batch.responses.groups_B
        weighted_B = batch.responses.weights_B * batch.sums_B(batch.logprobs_N)
        sums_P = weighted_B.new_zeros(int(groups_B.max()) + 1).index_add(0, groups_B, weighted_B)
        return (sums_P**2).sum()

    def denominator(self, responses: Responses) -> float:
        return float(responses.lengths_B.sum()) * 10


@dataclass(frozen=True, kw_only=True)
class Case:
    """A step to differentiate."""

    objective: Objective
    prompts: int
    row_tokens: int
    checkpointing: bool = False

    def rows(self) -> list[Row]:
        # Few responses for some prompts and many for others, so that passes are dealt unevenly.
        examples = [e for e in pool(self.prompts, 5) if e.prompt_id[-1] != "2"]
        rows = encode(
            examples,
            end=END,
            max_tokens=256,
            overlong=Overlong.drop,
        )
        return [row for group in rows.by_prompt.values() for row in group]


CASES = (
    Case(objective=OBJECTIVE, prompts=7, row_tokens=4096),
    Case(objective=OBJECTIVE, prompts=7, row_tokens=80),
    Case(objective=OBJECTIVE, prompts=7, row_tokens=80, checkpointing=True),
    Case(objective=GroupSquares(), prompts=7, row_tokens=80),
    Case(objective=OBJECTIVE, prompts=1, row_tokens=80),
    Case(objective=GroupSquares(), prompts=1, row_tokens=80),
)


@dataclass(frozen=True, kw_only=True)
class Differentiates:
    """Leaves the gradient of each case in a file and gives back what the loop would report."""

    model: str
    sharding: Sharding
    cases: Sequence[Case] = CASES

    def __call__(self, draft: Path, watch: Watch) -> dict[str, object]:
        accelerator = open_accelerator()
        world = World(
            rank=accelerator.process_index, size=accelerator.num_processes, device=ALONE.device
        )
        return {str(n): self._case(case, n, world, draft) for n, case in enumerate(self.cases)}

    def _case(self, case: Case, number: int, world: World, draft: Path) -> dict[str, object]:
        base = self._base(case, world)
        rows, how = case.rows(), job(row_tokens=case.row_tokens)
        found = gradient_of(
            base,
            rows,
            objective=case.objective,
            denominator=case.objective.denominator(responses_of(rows)),
            job=how,
        )
        norm = torch.nn.utils.clip_grad_norm_(base.model.parameters(), 1e9)
        gradients = {n: whole(p.grad).clone() for n, p in base.model.named_parameters()}
        if world.main:
            save_file(gradients, draft / f"{number}.safetensors")
        return {
            "found": found,
            "norm": float(whole(norm)),
            "parts": all(isinstance(p, DTensor) for p in base.model.parameters()),
            "held": sum(own(p).numel() for p in base.model.parameters()),
        }

    def _base(self, case: Case, world: World) -> Base:
        model = AutoModelForCausalLM.from_pretrained(self.model).double().train()
        if case.checkpointing:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        return Base(
            student=student(self.model),
            rows=None,
            model=model,
            tokenizer=byte_tokenizer(),
            accelerator=open_accelerator(),
            pass_loss=PassLoss(model),
            module=shared(model, world, self.sharding),
            world=world,
        )


def own(tensor: torch.Tensor) -> torch.Tensor:
    """Return what this process holds of a tensor."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


@dataclass(frozen=True)
class KillingWatch:
    """Kills its process when a step of updates is reported."""

    watch: Watch
    step: int

    def report(self, numbers: Mapping[str, float], step: int) -> None:
        if step == self.step and "learning_rate" in numbers:
            os.kill(os.getpid(), signal.SIGKILL)
        self.watch.report(numbers, step)

    def progress(self, done: int, total: int) -> None:
        self.watch.progress(done, total)


def dev(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> float:
    """Return a number that depends on what the model writes."""
    assert not model.training
    greedy = Decoding(temperature=0.0, top_p=1.0, max_tokens=4)
    prompts = [[5, 6, 7, 8], [9, 10, 11]]
    answers = generate(model, tokenizer, prompts, decoding=greedy, seeds=[[0]] * 2)
    return sum(answer.logprob_sum for (answer,) in answers)


@dataclass(frozen=True, kw_only=True)
class Trains:
    """Ten steps of several passes each, with a check on dev."""

    model: str
    sharding: Sharding = Sharding.none
    kill_rank: str | None = None
    at_step: int = 7
    dtype: Dtype = Dtype.float32
    adapter: Adapter | None = None

    def __call__(self, draft: Path, watch: Watch) -> dict[str, object]:
        if self.kill_rank is not None and os.environ["RANK"] == self.kill_rank:
            watch = KillingWatch(watch, self.at_step)
        how = replace(job(watch, validate=dev, row_tokens=80), sharding=self.sharding)
        one = student(self.model, max_steps=10, dtype=self.dtype, adapter=self.adapter)
        one.train(OBJECTIVE, pool(10, 4), folder=draft, job=how)
        return {}


@dataclass(frozen=True, kw_only=True)
class Both:
    """Differentiates, then trains in `trained`, and a model with dropout in `loose`.

    In one call, as most of the time goes into the start of processes.
    """

    model: str
    loose: str
    sharding: Sharding

    def __call__(self, draft: Path, watch: Watch) -> dict[str, object]:
        found = Differentiates(model=self.model, sharding=self.sharding)(draft, watch)
        Trains(model=self.model, sharding=self.sharding)(draft / "trained", watch)
        book = Notebook()
        Trains(model=self.loose, sharding=self.sharding)(draft / "loose", book)
        return {**found, "loose": book.lines}


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of an exported model."""
    return load_file(folder / "model" / "model.safetensors")
