"""Our engines behind lm-eval's model interface."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lm_eval.api.model import LM

from advdistill.engine.generation import Decoding, Generation
from advdistill.interfaces import Watch
from advdistill.models import load_tokenizer
from advdistill.records import Response

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance
    from transformers import PreTrainedTokenizerBase

    from advdistill.evaluation.lm_eval import LmEval

Generate = Callable[[Sequence[Sequence[int]]], list[Generation]]


class ChatModel(LM):
    """A chat model that answers greedily and keeps each answer with its finish reason."""

    def __init__(
        self,
        name: str,
        tokenizer: PreTrainedTokenizerBase,
        generate: Generate,
        *,
        batch_size: int,
        watch: Watch,
    ) -> None:
        """Take the engine as a function from prompt ids to one answer each."""
        super().__init__()
        self.watch = watch
        self.name = name
        self.tokenizer = tokenizer
        self.generate = generate
        self.batch = batch_size
        self.responses: dict[str, Response] = {}

    @classmethod
    @contextmanager
    def open(
        cls, evaluation: LmEval, model: str, revision: str | None, watch: Watch
    ) -> Iterator[ChatModel]:
        """Yield the model; its engine is closed afterwards."""
        tokenizer = load_tokenizer(model, revision)
        greedy = Decoding(samples=1, temperature=0.0, top_p=1.0, max_tokens=evaluation.max_tokens)
        opened = _transformers if evaluation.backend == "transformers" else _vllm
        with opened(evaluation, model, revision, tokenizer, greedy) as generate:
            yield cls(model, tokenizer, generate, batch_size=evaluation.batch_size, watch=watch)

    @property
    def tokenizer_name(self) -> str:
        """What lm-eval names the tokenizer in its fingerprints."""
        return self.name

    def chat_template(self, chat_template: bool | str = False) -> str:
        """Return the template's text, for lm-eval's record."""
        return str(self.tokenizer.chat_template) if chat_template else ""

    def apply_chat_template(
        self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True
    ) -> str:
        """Return the messages as the prompt's text."""
        return str(
            self.tokenizer.apply_chat_template(
                chat_history, tokenize=False, add_generation_prompt=add_generation_prompt
            )
        )

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = True) -> list[str]:  # noqa: ARG002
        """Return one greedy answer per request."""
        for start in range(0, len(requests), self.batch):
            batch = requests[start : start + self.batch]
            texts = [str(request.args[0]) for request in batch]
            ids = self.tokenizer(texts, add_special_tokens=False)["input_ids"]
            for request, answer in zip(batch, self.generate(ids), strict=True):
                prompt_id = str(request.doc["prompt_id"])
                self.responses[prompt_id] = answer.response(prompt_id, 0, teacher=self.name)
            self.watch.progress(start + len(batch), len(requests))
        return [self.responses[str(request.doc["prompt_id"])].text for request in requests]

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        """Refuse: the tasks here are answered in words."""
        raise NotImplementedError("log-likelihood tasks are not part of this evaluation")

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        """Refuse, as above."""
        raise NotImplementedError("log-likelihood tasks are not part of this evaluation")


@contextmanager
def _transformers(
    evaluation: LmEval,
    model: str,
    revision: str | None,
    tokenizer: PreTrainedTokenizerBase,
    greedy: Decoding,
) -> Iterator[Generate]:
    from advdistill.engine.transformers import generate, load_model

    loaded = load_model(model, revision, dtype=evaluation.dtype)

    def answer(prompts: Sequence[Sequence[int]]) -> list[Generation]:
        seeds = [[0]] * len(prompts)
        return [
            first for (first,) in generate(loaded, tokenizer, prompts, decoding=greedy, seeds=seeds)
        ]

    yield answer


@contextmanager
def _vllm(
    evaluation: LmEval,
    model: str,
    revision: str | None,
    tokenizer: PreTrainedTokenizerBase,
    greedy: Decoding,
) -> Iterator[Generate]:
    del tokenizer  # the engine loads its own from the same files
    from advdistill.engine.vllm import open_engine
    from advdistill.engine.vllm_start import EngineSettings

    settings = EngineSettings(
        model=model,
        revision=revision,
        dtype=evaluation.dtype,
        max_model_len=None,
        gpu_memory_utilization=0.9,
        tensor_parallel=1,
        engine_options={},
    )
    with open_engine(settings) as engine:

        def answer(prompts: Sequence[Sequence[int]]) -> list[Generation]:
            seeds = [[0]] * len(prompts)
            generations = engine.generate(prompts, decoding=greedy, seeds=seeds)
            return [first for (first,) in generations]

        yield answer
