"""The engine that runs everywhere: `transformers` with a KV cache, batched.

Axes: `P` prompts, `B` sequences, `V` vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoModelForCausalLM, GenerationConfig, LogitsProcessor
from transformers.utils.logging import disable_progress_bar as hide_bars

from advdistill.engine.generation import Continuation, Decoding, Generation, Likelihood
from advdistill.engine.likelihood import likelihoods
from advdistill.models import load_tokenizer, locate, stop_ids
from advdistill.records import Finish
from advdistill.seeds import gumbel_noise

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def load_model(model: str, revision: str | None, *, dtype: str) -> PreTrainedModel:
    """Return the model on the GPU if there is one, in evaluation mode."""
    hide_bars()  # the stage shows its own progress
    loaded: Any = AutoModelForCausalLM.from_pretrained(
        locate(model),
        revision=revision,
        dtype=dtype,
        trust_remote_code=False,
        use_safetensors=True,
    )
    return loaded.to("cuda" if torch.cuda.is_available() else "cpu").eval()


@dataclass(frozen=True, kw_only=True, eq=False)
class LocalEngine:
    """A loaded model with its tokenizer, as evaluations want it."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase

    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        decoding: Decoding,
        seeds: Sequence[Sequence[int]],
    ) -> list[list[Generation]]:
        """Return an answer for each seed of each prompt, all in one batch."""
        return generate(self.model, self.tokenizer, prompts, decoding=decoding, seeds=seeds)

    def likelihoods(self, continuations: Sequence[Continuation]) -> list[Likelihood]:
        """Return the likelihood of each continuation, all in one batch."""
        return likelihoods(self.model, self.tokenizer, continuations)


def open_engine(model: str, revision: str | None, *, dtype: str) -> LocalEngine:
    """Return the model and its tokenizer, loaded."""
    return LocalEngine(
        tokenizer=load_tokenizer(model, revision), model=load_model(model, revision, dtype=dtype)
    )


@torch.inference_mode()
def generate(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Sequence[int]],
    *,
    decoding: Decoding,
    seeds: Sequence[Sequence[int]],
) -> list[list[Generation]]:
    """Return an answer for each seed of each prompt, all in one batch.

    An answer depends on its own seed alone, up to the rounding of a batched forward pass.
    """
    counts_P = torch.tensor([len(row) for row in seeds])
    inputs = tokenizer.pad({"input_ids": [list(ids) for ids in prompts]}, return_tensors="pt")
    inputs = {name: tensor.repeat_interleave(counts_P, 0) for name, tensor in inputs.items()}
    inputs = {name: tensor.to(model.device) for name, tensor in inputs.items()}
    sampler = _SeededSampler(
        seeds_B=torch.tensor([s for row in seeds for s in row], device=model.device),
        start=inputs["input_ids"].shape[1],
        temperature=decoding.temperature,
        top_p=decoding.top_p,
    )
    stops = stop_ids(tokenizer, model.generation_config)
    with _without_defaults(model):
        written: Any = model.generate(  # pyright: ignore[reportCallIssue] mistyped by the mixin
            **inputs,
            generation_config=GenerationConfig(
                do_sample=False,
                max_new_tokens=decoding.max_tokens,
                eos_token_id=stops,
                pad_token_id=tokenizer.pad_token_id,
            ),
            logits_processor=[sampler],
        )
    tokens_BT = written[:, sampler.start :].tolist()
    logprobs_BT = torch.stack(sampler.logprobs, 1).tolist()
    flat = (
        _generation(tokens, logprobs, set(stops), tokenizer)
        for tokens, logprobs in zip(tokens_BT, logprobs_BT, strict=True)
    )
    return [list(islice(flat, len(row))) for row in seeds]


@contextmanager
def _without_defaults(model: PreTrainedModel) -> Iterator[None]:
    """Hide the model's own generation config, which would fill what the given one leaves open.

    Qwen2.5-Instruct's, for one, holds a repetition penalty.
    """
    own, model.generation_config = model.generation_config, GenerationConfig()
    try:
        yield
    finally:
        model.generation_config = own


@dataclass(kw_only=True, eq=False)
class _SeededSampler(LogitsProcessor):
    """Draws by the Gumbel-max trick from each row's own noise and keeps the model's log-prob.

    The greedy search that follows takes the maximum of what this gives back.
    """

    seeds_B: torch.Tensor
    start: int
    temperature: float
    top_p: float
    logprobs: list[torch.Tensor] = field(default_factory=list)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        raw_BV = torch.log_softmax(scores.float(), -1)
        drawn_BV = raw_BV
        if self.temperature > 0:
            step = input_ids.shape[1] - self.start
            kept_BV = _nucleus(raw_BV / self.temperature, self.top_p)
            noise_BV = gumbel_noise(self.seeds_B, step, kept_BV.shape[1])
            drawn_BV = kept_BV.double() + noise_BV
        choice_B1 = drawn_BV.argmax(-1, keepdim=True)
        self.logprobs.append(raw_BV.gather(1, choice_B1)[:, 0])
        return drawn_BV


def _nucleus(logits_BV: torch.Tensor, top_p: float) -> torch.Tensor:
    """Return the logits with all but the smallest set of mass `top_p` at minus infinity."""
    if top_p >= 1:
        return logits_BV
    ordered_BV, order_BV = logits_BV.sort(-1, descending=True)
    mass_BV = ordered_BV.softmax(-1)
    before_BV = mass_BV.cumsum(-1) - mass_BV
    dropped_BV = torch.zeros_like(logits_BV, dtype=torch.bool).scatter(
        1, order_BV, before_BV >= top_p
    )
    return logits_BV.masked_fill(dropped_BV, float("-inf"))


def _generation(
    tokens: list[int],
    logprobs: list[float],
    stops: set[int],
    tokenizer: PreTrainedTokenizerBase,
) -> Generation:
    end = next((index for index, token in enumerate(tokens) if token in stops), None)
    length = len(tokens) if end is None else end + 1
    return Generation(
        text=str(tokenizer.decode(tokens[:end], skip_special_tokens=True)),
        tokens=length,
        finish=Finish.length if end is None else Finish.stop,
        logprob_sum=sum(logprobs[:length]),
    )
