"""Our engines behind lm-eval's model interface."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lm_eval.api.model import LM

from advdistill.answers import AnswerFormat
from advdistill.engine.generation import Continuation, Engine, Likelihood
from advdistill.interfaces import Watch
from advdistill.records import Response
from advdistill.seeds import sample_seed

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance

    from advdistill.evaluation.lm_eval import LmEval


class ChatModel(LM):
    """A chat model that answers each prompt `samples` times and keeps what it wrote.

    A task asks once for every sample of a prompt: the sample's number stands in the request's
    document. Tasks that ask for the same sample get the same answer.
    """

    def __init__(
        self,
        evaluation: LmEval,
        name: str,
        engine: Engine,
        *,
        answer_format: AnswerFormat,
        watch: Watch,
    ) -> None:
        """Take a running engine."""
        super().__init__()
        self.evaluation = evaluation
        self.name = name
        self.engine = engine
        self.answer_format = answer_format
        self.watch = watch
        self.responses: dict[tuple[str, int], Response] = {}
        """Every answer, by its prompt id and sample, as the engine wrote it."""
        self.steps = 0
        """Prompts and options that the tasks will ask for."""
        self._done = 0

    @property
    def tokenizer_name(self) -> str:
        """What lm-eval names the tokenizer in its fingerprints."""
        return self.name

    def chat_template(self, chat_template: bool | str = False) -> str:
        """Return the template's text, for lm-eval's record."""
        return str(self.engine.tokenizer.chat_template) if chat_template else ""

    def apply_chat_template(
        self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True
    ) -> str:
        """Return the messages as the prompt's text."""
        return str(
            self.engine.tokenizer.apply_chat_template(
                chat_history,
                tokenize=False,
                add_generation_prompt=add_generation_prompt,
                **self.answer_format.template_options,
            )
        )

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = True) -> list[str]:  # noqa: ARG002
        """Return the answer that each request's document names."""
        texts = {str(request.doc["prompt_id"]): str(request.args[0]) for request in requests}
        prompt_ids, contexts = list(texts), self._ids(list(texts.values()))
        size = max(1, self.evaluation.batch_size // self.evaluation.samples)
        for start in range(0, len(prompt_ids), size):
            batch = slice(start, start + size)
            self._answer(prompt_ids[batch], contexts[batch])
        keys = [(str(request.doc["prompt_id"]), int(request.doc["sample"])) for request in requests]
        return [self.responses[key].text for key in keys]

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        """Return the log-probability of each option, and whether it is what the model would write.

        The option is tokenised by itself and set behind the prompt's own ids, as an answer is in
        training, so that no token spans the two.
        """
        contexts, options = ([str(request.args[place]) for request in requests] for place in (0, 1))
        ids = self._lookup([*contexts, *options])
        asked = [
            Continuation(context=ids[context], tokens=ids[option])
            for context, option in zip(contexts, options, strict=True)
        ]
        found = self._likelihoods(asked)
        return [(found[place].logprob_sum, found[place].greedy) for place in range(len(asked))]

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        """Refuse: no task here asks how probable a whole text is."""
        raise NotImplementedError("the probability of whole texts is not part of this evaluation")

    def _answer(self, prompt_ids: Sequence[str], contexts: Sequence[Sequence[int]]) -> None:
        seed, samples = self.evaluation.seed, range(self.evaluation.samples)
        seeds = [[sample_seed(seed, one, sample) for sample in samples] for one in prompt_ids]
        decoding = self.evaluation.decoding
        answers = self.engine.generate(contexts, decoding=decoding, seeds=seeds)
        for prompt_id, group in zip(prompt_ids, answers, strict=True):
            for sample, answer in enumerate(group):
                response = answer.response(prompt_id, sample, teacher=self.name)
                self.responses[prompt_id, sample] = response
        self._progress(len(prompt_ids))

    def _likelihoods(self, asked: Sequence[Continuation]) -> Mapping[int, Likelihood]:
        """Return the likelihoods by place; those of a length are computed together."""
        order = sorted(range(len(asked)), key=lambda place: -len(asked[place].context))
        found: dict[int, Likelihood] = {}
        for start in range(0, len(order), self.evaluation.batch_size):
            places = order[start : start + self.evaluation.batch_size]
            likelihoods = self.engine.likelihoods([asked[place] for place in places])
            found |= zip(places, likelihoods, strict=True)
            self._progress(len(places))
        return found

    def _lookup(self, texts: Sequence[str]) -> dict[str, list[int]]:
        different = list(dict.fromkeys(texts))
        return dict(zip(different, self._ids(different), strict=True))

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        return self.engine.tokenizer(list(texts), add_special_tokens=False)["input_ids"]

    def _progress(self, steps: int) -> None:
        self._done += steps
        self.watch.progress(self._done, self.steps)


@contextmanager
def open_engine(evaluation: LmEval, model: str, revision: str | None) -> Iterator[Engine]:
    """Yield the engine that the evaluation names, loaded; it is closed afterwards."""
    if evaluation.backend == "transformers":
        from advdistill.engine import transformers

        yield transformers.open_engine(model, revision, dtype=evaluation.dtype)
        return
    from advdistill.engine import vllm
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
    with vllm.open_engine(settings) as engine:
        yield engine
