"""Engines whose answers are written beforehand, and what they are asked with."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from transformers import PreTrainedTokenizerBase

from advdistill.answers import AnswerFormat, AnswerStyle
from advdistill.engine.generation import Continuation, Decoding, Generation, Likelihood
from advdistill.evaluation.chat_model import ChatModel
from advdistill.evaluation.lm_eval import Backend, LmEval
from advdistill.records import AnswerKind, Finish, Prompt, Split
from tests.builders import Watched
from tests.tiny import byte_tokenizer

EVALUATION = LmEval(
    backend=Backend.transformers,
    dtype="float32",
    max_tokens=20,
    samples=1,
    temperature=0.0,
    top_p=1.0,
    seed=0,
    batch_size=3,
    loglikelihood=True,
    stock=True,
)
HASH = AnswerFormat(
    style=AnswerStyle.hash,
    instruction="Reason step by step. End with #### and the final number.",
    system=None,
    thinking=None,
)


def answer(text: str, finish: Finish = Finish.stop) -> Generation:
    """Return an answer as an engine writes it."""
    return Generation(text=text, tokens=3, finish=finish, logprob_sum=None)


@dataclass
class ScriptedEngine:
    """Gives its answers in the order they are asked for and keeps what it was asked."""

    answers: Iterator[Generation]
    likely: Mapping[str, float] = field(default_factory=dict)
    """The log-probability of each continuation; 0 where it is not named."""
    tokenizer: PreTrainedTokenizerBase = field(default_factory=byte_tokenizer)
    asked: list[tuple[list[int], list[int]]] = field(default_factory=list)
    """Prompt ids and seeds."""
    weighed: list[Continuation] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)

    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        decoding: Decoding,
        seeds: Sequence[Sequence[int]],
    ) -> list[list[Generation]]:
        self.batches.append(len(prompts))
        self.asked += [(list(ids), list(row)) for ids, row in zip(prompts, seeds, strict=True)]
        return [[next(self.answers) for _ in row] for row in seeds]

    def likelihoods(self, continuations: Sequence[Continuation]) -> list[Likelihood]:
        self.batches.append(len(continuations))
        self.weighed += continuations
        texts = [str(self.tokenizer.decode(one.tokens)) for one in continuations]
        return [Likelihood(logprob_sum=self.likely.get(text, 0.0), greedy=False) for text in texts]


def chat_model(
    engine: ScriptedEngine,
    *,
    evaluation: LmEval = EVALUATION,
    answer_format: AnswerFormat = HASH,
    watch: Watched | None = None,
) -> ChatModel:
    """Return a model that answers from the script."""
    return ChatModel(
        evaluation, "scripted", engine, answer_format=answer_format, watch=watch or Watched()
    )


def choice(prompt_id: str, gold: str, *choices: str) -> Prompt:
    """Return a question with options."""
    return Prompt(
        prompt_id=prompt_id,
        split=Split.test,
        question="Which one?",
        answer=gold,
        kind=AnswerKind.choice,
        choices=choices,
    )
