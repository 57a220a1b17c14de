"""The engine for volume: vLLM in this process, fed continuously, one request per prompt.

The module can be imported without vLLM; the package is wanted when an engine is opened.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from advdistill.engine.generation import Continuation, Decoding, Generation, Likelihood
from advdistill.engine.vllm_start import EngineSettings, start, summary
from advdistill.errors import StageError
from advdistill.models import load_generation_config, load_tokenizer, stop_ids
from advdistill.records import Finish

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase
    from vllm import LLM, CompletionOutput, RequestOutput, SamplingParams

logger = logging.getLogger(__name__)

SEQUENCES_IN_FLIGHT = 2048
"""More than the engine runs at a time, so that its queue is never empty."""
_TOO_LONG = None
"""Stands for the request of a prompt that the engine has no room for."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Prompts that are answered together."""

    prompts: Sequence[Sequence[int]]
    seeds: Sequence[Sequence[int]]
    """One number per prompt and answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    name: str | None
    answers: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Engine:
    """A running vLLM; `open_engine` makes and ends it."""

    llm: LLM
    tokenizer: PreTrainedTokenizerBase
    stops: tuple[int, ...]

    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        decoding: Decoding,
        seeds: Sequence[Sequence[int]],
    ) -> list[list[Generation]]:
        """Return an answer for each seed of each prompt.

        Answer `i` is drawn with the number `seeds[prompt][0] + i`, as vLLM does it; the other
        seeds are counted only.
        """
        return next(self.stream([Batch(prompts=prompts, seeds=seeds)], decoding=decoding))

    def stream(
        self, batches: Iterable[Batch | None], *, decoding: Decoding
    ) -> Iterator[list[list[Generation]]]:
        """Yield the answers of each batch, in order; the next ones are already under way.

        None among the batches says that there is no other before one more has been answered.
        Batches are read ahead until `SEQUENCES_IN_FLIGHT` answers are asked for, so that the few
        long answers of one batch do not leave the engine idle.
        """
        rest = iter(batches)
        waiting: deque[list[_Request]] = deque()
        finished: dict[str | None, RequestOutput] = {}
        while self._feed(waiting, rest, decoding):
            if finished.keys() >= {one.name for one in waiting[0]} - {_TOO_LONG}:
                requests = waiting.popleft()
                yield [self._generations(finished.pop(one.name, None), one) for one in requests]
            else:
                finished |= self._step()

    def likelihoods(self, continuations: Sequence[Continuation]) -> list[Likelihood]:
        """Return the likelihood of each continuation.

        Raises:
            StageError: one is too long for the engine, or the engine failed.
        """
        from vllm import SamplingParams

        prompts = [{"prompt_token_ids": [*one.context, *one.tokens]} for one in continuations]
        longest = max(len(prompt["prompt_token_ids"]) for prompt in prompts)
        room = self.llm.llm_engine.model_config.max_model_len
        if longest >= room:  # one token is always written, though none is wanted
            raise StageError(
                f"a question with one of its options has {longest} tokens, and vLLM has room for "
                f"{room - 1}; set evaluation.loglikelihood=false or take the longest questions out"
            )
        scored = SamplingParams(max_tokens=1, temperature=0.0, prompt_logprobs=0, detokenize=False)
        with _with_remedy():
            outputs = self.llm.generate(prompts, scored, use_tqdm=False)
        return [
            _likelihood(output, len(one.tokens))
            for output, one in zip(outputs, continuations, strict=True)
        ]

    def _feed(
        self, waiting: deque[list[_Request]], rest: Iterator[Batch | None], decoding: Decoding
    ) -> bool:
        """Submit batches while the engine has room; return whether any batch is waited for."""
        while self.llm.llm_engine.get_num_unfinished_requests() < SEQUENCES_IN_FLIGHT:
            batch = next(rest, None)
            if batch is None:  # none is left, or none before one more has been answered
                break
            requests = zip(batch.prompts, batch.seeds, strict=True)
            waiting.append(
                [
                    _Request(
                        name=self._ask(ids, _sampling(decoding, self.stops, row)),
                        answers=len(row),
                    )
                    for ids, row in requests
                ]
            )
        return bool(waiting)

    def _ask(self, prompt: Sequence[int], sampling: SamplingParams) -> str | None:
        """Return the name of the prompt's request."""
        room = self.llm.llm_engine.model_config.max_model_len
        if len(prompt) >= room:
            logger.warning(
                "a prompt of %d tokens gets no answer: max_model_len is %d", len(prompt), room
            )
            return _TOO_LONG
        # Outputs bear the counter's number; `enqueue` gives back another, inner name.
        name = str(self.llm.request_counter.counter)
        self.llm.enqueue({"prompt_token_ids": list(prompt)}, sampling, use_tqdm=False)
        return name

    def _step(self) -> dict[str | None, RequestOutput]:
        """Return the requests that one step of the engine finished."""
        with _with_remedy():
            if not self.llm.llm_engine.has_unfinished_requests():
                raise RuntimeError("requests vanished")
            outputs: list[Any] = self.llm.llm_engine.step()
        return {output.request_id: output for output in outputs if output.finished}

    def _generations(self, output: RequestOutput | None, request: _Request) -> list[Generation]:
        """Return the answers in order; a greedy one was asked for once and is repeated."""
        if output is None:
            failed = Generation(text="", tokens=0, finish=Finish.error, logprob_sum=None)
            return [failed] * request.answers
        ordered = sorted(output.outputs, key=lambda completion: completion.index)
        drawn = [_generation(completion, self.tokenizer) for completion in ordered]
        return drawn if len(drawn) == request.answers else drawn * request.answers


@contextmanager
def open_engine(settings: EngineSettings) -> Iterator[Engine]:
    """Give a running engine, and free what it holds at the end.

    Raises:
        ConfigError: vLLM is not installed.
        StageError: vLLM does not start with these settings.
    """
    import torch

    set_num_threads = torch.set_num_threads
    tokenizer = load_tokenizer(settings.model, settings.revision)
    stops = stop_ids(tokenizer, load_generation_config(settings.model, settings.revision))
    llm = start(settings)
    try:
        yield Engine(llm=llm, tokenizer=tokenizer, stops=tuple(stops))
    finally:
        llm.llm_engine.engine_core.shutdown()
        # The CPU build puts a function that does nothing in its place.
        torch.set_num_threads = set_num_threads


@contextmanager
def _with_remedy() -> Iterator[None]:
    """Say what may help where vLLM fails."""
    try:
        yield
    except RuntimeError as error:
        raise StageError(
            f"vLLM failed while it answered ({summary(error)}); run the same command again, "
            "with a lower gpu_memory_utilization if memory ran out"
        ) from error


def _sampling(decoding: Decoding, stops: Sequence[int], seeds: Sequence[int]) -> SamplingParams:
    from vllm import SamplingParams

    return SamplingParams(
        n=len(seeds) if decoding.temperature > 0 else 1,
        temperature=decoding.temperature,
        top_p=decoding.top_p,
        max_tokens=decoding.max_tokens,
        stop_token_ids=list(stops),
        seed=seeds[0],
        logprobs=0,
        detokenize=False,
    )


def _generation(completion: CompletionOutput, tokenizer: PreTrainedTokenizerBase) -> Generation:
    tokens = list(completion.token_ids)
    finishes = {"stop": Finish.stop, "length": Finish.length}
    finish = finishes.get(completion.finish_reason or "", Finish.error)
    end = len(tokens) - 1 if finish is Finish.stop else len(tokens)
    return Generation(
        text=str(tokenizer.decode(tokens[:end], skip_special_tokens=True)),
        tokens=len(tokens),
        finish=finish,
        logprob_sum=completion.cumulative_logprob,
    )


def _likelihood(output: RequestOutput, length: int) -> Likelihood:
    assert output.prompt_logprobs is not None
    assert output.prompt_token_ids is not None
    tokens = output.prompt_token_ids[-length:]
    found = [
        position[token]
        for position, token in zip(output.prompt_logprobs[-length:], tokens, strict=True)
        if position is not None  # only the first token of all has none
    ]
    return Likelihood(
        logprob_sum=sum(one.logprob for one in found), greedy=all(one.rank == 1 for one in found)
    )
