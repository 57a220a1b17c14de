"""What each component is asked to do; a class that has the fields and methods fits.

Axes: `P` prompts, `G` samples per prompt (the largest group; shorter ones are padded and marked
absent), `B` responses, `N` response tokens, those of all responses in one row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from advdistill.answers import AnswerFormat
from advdistill.budget import Budget
from advdistill.records import Item, Prompt, Response, Reward, Score, Verdict

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class Watch(Protocol):
    """Whoever follows a stage at work: keeps its numbers and shows how far it is."""

    def report(self, numbers: Mapping[str, float], step: int) -> None:
        """Take the numbers of one step, such as `{"loss": 0.7}`."""
        ...

    def progress(self, done: int, total: int) -> None:
        """Take how many of its steps are done."""
        ...


@runtime_checkable
class Dataset(Protocol):
    """Problems with gold answers."""

    @property
    def name(self) -> str:
        """The first part of every prompt id and the name of the task."""
        ...

    def load(self) -> Iterator[Prompt]:
        """Yield the prompts of every split.

        Raises:
            DataError: a file, a column or a gold answer is missing or malformed.
        """
        ...

    def sources(self) -> Sequence[Path]:
        """Return the local files and folders it reads; their content is part of the cache key."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Answers that are wanted to one prompt."""

    prompt: Prompt
    samples: range
    """Their numbers, in steps of 1; `EVERY` asks for as many as there are."""


EVERY = range(2**31)


@runtime_checkable
class Teacher(Protocol):
    """Whoever answers every prompt several times: one, or a mixture of several."""

    @property
    def samples(self) -> int:
        """Answers wanted per prompt; 0 takes as many as there are, where they exist already."""
        ...

    @property
    def members(self) -> Sequence[tuple[Member, int]]:
        """Those who are asked, each with its number of answers per prompt.

        Itself, if it is not a mixture. The answers of one follow those of another.
        """
        ...

    @property
    def model(self) -> str | None:
        """Its model, to be scored as an anchor; None where answers exist but no one model does."""
        ...

    @property
    def revision(self) -> str | None:
        """The pinned commit of a model or data set on the hub."""
        ...

    def sources(self) -> Sequence[Path]:
        """Return the local files and folders it reads; their content is part of the cache key."""
        ...


@runtime_checkable
class Member(Teacher, Protocol):
    """A teacher that answers itself."""

    @property
    def shard_prompts(self) -> int:
        """Prompts per shard, the unit of work and of resume; a batch never spans shards."""
        ...

    @property
    def stored(self) -> bool:
        """Whether its answers are kept for other runs; those of a file exist already."""
        ...

    @property
    def author(self) -> Member:
        """The teacher whose answers these are: itself, unless it runs another somewhere else."""
        ...

    def sample(
        self, shards: Iterable[Sequence[Ask] | None], *, answer_format: AnswerFormat
    ) -> Iterator[list[Response]]:
        """Yield, shard by shard in the order given, every response that it asks for.

        Shards may be read ahead of those that have been answered. None among them says that there
        is no other before one more has been: it is asked again then, and nothing is yielded for it.
        They are drawn in the thread that draws the responses, while it does.
        A response depends on (seed, prompt, sample) and on nothing else that the caller chooses.
        One that could not be had for a reason that would come again has `Finish.error`.

        Raises:
            StageError: the answers cannot be had now; those yielded before are whole.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What the answers to one prompt came to so far."""

    answers: int
    passed: int
    failed: int
    """Judged and not passed; those whose verdict is unknown are neither."""


@runtime_checkable
class Sampling(Protocol):
    """How many answers each prompt is asked for."""

    @property
    def needs_verdicts(self) -> bool:
        """Whether it reads what the answers came to: they are judged as they come, then."""
        ...

    def more(self, tried: Tried, most: int) -> int:
        """Return how many further answers to ask for, of `most` in all; 0 if it is enough."""
        ...


@dataclass(frozen=True, kw_only=True)
class Costly:
    """Work that an answer could make endless: done in a process that can be killed."""

    work: Callable[[], list[Reward]]
    """Returns the rows; pickles, so that another process can call it."""
    killed: Callable[[Verdict, str], list[Reward]]
    """Returns the rows for work that was killed: `error` or `timeout`, and the detail."""
    seconds: float
    """How long the work may take."""
    megabytes: int
    """How much memory the work may add to its process."""


@runtime_checkable
class Verifier(Protocol):
    """A rule that judges one response."""

    def judge(
        self, prompt: Prompt, response: Response, *, answer_format: AnswerFormat
    ) -> list[Reward] | Costly:
        """Return one row per rule and, last, the row named `total`.

        Takes time linear in the response; what cannot promise that is returned as `Costly`.
        """
        ...


Judge = Callable[[Sequence[tuple["Prompt", "Response"]]], list[list["Reward"]]]
"""Returns the rows of each response, in order, whatever the responses hold; see `judging`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RewardGroups:
    """The rewards of a pool, one row per prompt: all that a weighting sees."""

    prompt_ids: tuple[str, ...]
    samples_PG: NDArray[np.integer]
    """The number of each sample; -1 where absent."""
    rewards_PG: NDArray[np.float64]
    """NaN where the value is unknown or the sample is absent."""
    present_PG: NDArray[np.bool_]
    passed_PG: NDArray[np.bool_]
    """True where the verdict is `pass`, whatever the value is made of."""
    lengths_PG: NDArray[np.integer]
    """Tokens, or characters where the pool has no token counts; 0 where absent."""
    answer_ids_PG: NDArray[np.integer]
    """Equal answers of one prompt share a number; -1 where no answer was read."""
    text_ids_PG: NDArray[np.integer]
    """Responses to one prompt with equal texts share a number; -1 where absent."""
    parts: Mapping[str, NDArray[np.float64]]
    """Rewards of each rule by its name, shaped as `rewards_PG`."""

    @property
    def known_PG(self) -> NDArray[np.bool_]:
        """True where the sample is present and its reward is known."""
        return self.present_PG & ~np.isnan(self.rewards_PG)


class Reach(StrEnum):
    """How much of a pool the weights of one prompt depend on."""

    group = "group"
    """On its own answers alone: any part of the pool with all answers of each of its prompts is
    weighed as the whole is."""
    pool = "pool"
    """On those of other prompts too: the whole pool is weighed at once."""


@runtime_checkable
class Weighting(Protocol):
    """Turns rewards into training weights."""

    @property
    def reach(self) -> Reach:
        """How much of the pool a prompt's weights depend on."""
        ...

    @property
    def signed(self) -> bool:
        """Whether a weight can be below 0."""
        ...

    def weigh(self, groups: RewardGroups) -> NDArray[np.float64]:
        """Return weights_PG; 0 where the sample is absent or its reward unknown."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Responses:
    """What is known of some responses beside their tokens; the tensors share a device."""

    weights_B: torch.Tensor
    lengths_B: torch.Tensor
    """Response tokens, the end-of-turn token included; int64."""
    right_B: torch.Tensor
    """True where the verifier passed the answer."""
    groups_B: torch.Tensor
    """Equal for the responses to one prompt; int64, from 0."""
    teacher_B: torch.Tensor
    """The teacher's log-prob of the response, summed over its tokens; NaN where not stored."""
    reference_B: torch.Tensor
    """The same of the base student; NaN where the objective does not ask for it."""

    def beside(self, logprobs_N: torch.Tensor) -> Responses:
        """Return them on the device and in the precision of the log-probs."""
        device, dtype = logprobs_N.device, logprobs_N.dtype
        return Responses(
            weights_B=self.weights_B.to(device, dtype),
            lengths_B=self.lengths_B.to(device),
            right_B=self.right_B.to(device),
            groups_B=self.groups_B.to(device),
            teacher_B=self.teacher_B.to(device, dtype),
            reference_B=self.reference_B.to(device, dtype),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenBatch:
    """What an objective sees of some response tokens."""

    logprobs_N: torch.Tensor
    """Natural log of the student's probability of each token."""
    response_N: torch.Tensor
    """Which of the responses each token belongs to."""
    responses: Responses
    """Beside the log-probs: of their device and precision."""

    def sums_B(self, values_N: torch.Tensor) -> torch.Tensor:
        """Return the sum of the values of each response; 0 for one without a token here."""
        zeros_B = values_N.new_zeros(len(self.responses.lengths_B))
        return zeros_B.index_add(0, self.response_N, values_N)


class Scope(StrEnum):
    """How much of a step the loss of one token depends on."""

    token = "token"
    """On its own log-prob alone: a batch may hold any part of the tokens of a step."""
    step = "step"
    """On other tokens too: a batch holds every token of each of its prompts' responses."""


@runtime_checkable
class Objective(Protocol):
    """A loss on weighted responses, summed; the loop divides once, by `denominator`."""

    @property
    def scope(self) -> Scope:
        """How much of a step a token's loss depends on."""
        ...

    @property
    def needs_teacher(self) -> bool:
        """Whether it reads `teacher_B`."""
        ...

    @property
    def needs_reference(self) -> bool:
        """Whether it reads `reference_B`."""
        ...

    def objection(self, *, signed: bool) -> str | None:
        """Return why it will not train with weights that may be negative, or may not; or None.

        A loss without lower bound objects unless its `allow_unbounded` is set.
        """
        ...

    def loss(self, batch: TokenBatch) -> torch.Tensor:
        """Return the sum over the batch, a scalar, not divided by anything that spans responses.

        With `scope: token` it is a sum over tokens, so that parts of a batch sum to the whole.
        """
        ...

    def denominator(self, responses: Responses) -> float:
        """Return what the sum over all responses of one optimizer step is divided by.

        0 means that no response carries a loss: the step makes no update.
        """
        ...


class Tokens(Protocol):
    """A prompt and an answer in the student's token ids, which are read when they are asked for."""

    @property
    def prompt_tokens(self) -> int:
        """How many are the prompt's, rendered up to where the answer begins."""
        ...

    @property
    def answer_tokens(self) -> int:
        """How many are the answer's text's; no end is among them."""
        ...

    def read(self) -> NDArray[np.int32]:
        """Return the ids of the prompt and, behind them, of the answer."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One response to train on."""

    prompt_id: str
    sample: int
    tokens: Tokens
    ended: bool
    """Whether the teacher ended it; no end is taught where it was cut off."""
    weight: float
    right: bool
    """Whether the verifier passed it."""
    teacher: float | None = None
    """The teacher's log-prob of it, summed; None where it is not known."""
    reference: float | None = None
    """The base student's log-prob of it, summed; None where no objective asks for it."""


Tokenise = Callable[[Sequence["Prompt"], Sequence[str]], tuple[list[list[int]], list[list[int]]]]
"""Returns the token ids of prompts, rendered up to where an answer begins, and of answers."""


Validate = Callable[["PreTrainedModel", "PreTrainedTokenizerBase"], float]
"""Returns the share of dev prompts that the model, as it is now, answers rightly."""


@runtime_checkable
class Student(Protocol):
    """A model that learns from weighted responses."""

    @property
    def model(self) -> str:
        """Hub id, local folder, or `builtin:NAME`."""
        ...

    @property
    def revision(self) -> str | None:
        """The pinned commit of a model on the hub."""
        ...

    def sources(self) -> Sequence[Path]:
        """Return the local files and folders it reads; their content is part of the cache key."""
        ...

    def check(self) -> None:
        """Find out before anything is spent whether what it needs is there.

        Raises:
            ConfigError: a package it needs is not installed.
        """
        ...

    def tokenizer_sources(self) -> Sequence[Path]:
        """Return those of the sources that its token ids depend on: all but weights."""
        ...

    def tokeniser(self, answer_format: AnswerFormat) -> Tokenise:
        """Return what makes token ids; those of a text depend on nothing beside it."""
        ...

    def train(
        self,
        objective: Objective,
        examples: Sequence[Example],
        *,
        folder: Path,
        job: TrainingJob,
    ) -> None:
        """Train and leave a `from_pretrained`-ready model and tokenizer in `folder/model`.

        `folder/training.json` holds the counts, `folder/proof.json` the gradient's proof.

        Called again with the same folder after a kill, it goes on from its last checkpoint and
        ends in the same bytes.

        Raises:
            StageError: the loss is not finite; the last good checkpoint is kept.
        """
        ...

    def refer(self, examples: Sequence[Example], *, job: TrainingJob) -> list[float | None]:
        """Return the base model's log-prob of each response, summed over its tokens.

        None for a response that `train` would leave out; weights have no say.
        """
        ...


class Packing(StrEnum):
    """How responses share a forward pass; changes memory and speed, not the result."""

    auto = "auto"
    """Per prompt, whichever of the next two is cheaper; padded where a model allows neither."""
    shared = "shared"
    """One copy of the prompt, its answers beside each other."""
    plain = "plain"
    """A copy of the prompt before each of its answers."""
    padded = "padded"
    """One answer a row, filled up to the longest."""


class Sharding(StrEnum):
    """What each of several training processes holds."""

    none = "none"
    """A whole copy of the model (DDP)."""
    fsdp = "fsdp"
    """A part of parameters, gradients and moments (FSDP2)."""
    deepspeed = "deepspeed"
    """A part of gradients and moments (DeepSpeed ZeRO-2)."""


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """What the loop is given beside the examples.

    Of these, the answer format and the budget change what is trained; the others change memory
    and speed, not the result beyond rounding.
    """

    answer_format: AnswerFormat
    validate: Validate | None
    """None where there is no dev split; the last step is kept then."""
    watch: Watch
    budget: Budget
    row_tokens: int
    """Prompt and response tokens per forward pass; a longer response has a pass of its own."""
    packing: Packing
    sharding: Sharding
    compile: bool
    """Whether the student's layers are compiled for the passes, if it has no adapter."""


@runtime_checkable
class Evaluation(Protocol):
    """Measures a model on held-out prompts."""

    @property
    def max_tokens(self) -> int:
        """The longest answer it lets a model write, in tokens."""
        ...

    @property
    def samples(self) -> int:
        """Answers per prompt; 1 is greedy."""
        ...

    def check(self) -> None:
        """Find out before anything is spent whether its engine is there.

        Raises:
            ConfigError: a package it needs is not installed.
        """
        ...

    def evaluate(
        self,
        model: str,
        prompts: Sequence[Prompt],
        *,
        revision: str | None,
        judge: Judge,
        answer_format: AnswerFormat,
        watch: Watch,
    ) -> tuple[list[Score], list[Item]]:
        """Return the scores and `samples` items per prompt; every item stays in the denominator."""
        ...
