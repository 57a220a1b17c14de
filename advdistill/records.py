"""Rows that travel between the stages; their annotations are the Parquet schemas."""

from dataclasses import dataclass
from enum import StrEnum

TOTAL = "total"
"""The rule whose rows the weighting reads."""


class Split(StrEnum):
    """Which part of a data set a prompt belongs to."""

    train = "train"
    dev = "dev"
    test = "test"


class AnswerKind(StrEnum):
    """What sort of value an answer is."""

    number = "number"
    math = "math"
    choice = "choice"
    text = "text"


class Finish(StrEnum):
    """Why a response ended."""

    stop = "stop"
    length = "length"
    error = "error"


class Verdict(StrEnum):
    """What a rule found; the first three carry a value, the others are unknown."""

    passed = "pass"
    failed = "fail"
    unparsed = "unparsed"
    error = "error"
    timeout = "timeout"
    truncated = "truncated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One problem with its gold answer."""

    prompt_id: str
    """Readable and stable, such as `gsm8k/train/00012`; never a position after a shuffle."""
    split: Split
    question: str
    answer: str
    kind: AnswerKind
    choices: tuple[str, ...] | None = None
    subject: str | None = None
    metadata: str | None = None
    """JSON; what a procedural task's own scorer needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One sampled answer of a teacher."""

    prompt_id: str
    sample: int
    text: str
    tokens: int | None
    """Generated tokens, the stop token included; None where the source does not say."""
    finish: Finish
    logprob_sum: float | None = None
    """Natural log of the teacher's probability of the response, summed over its tokens."""
    logprob_mean: float | None = None
    teacher: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reward:
    """What one rule made of one response."""

    prompt_id: str
    sample: int
    rule: str
    """The rule's name; `total` is the row that the weighting reads."""
    value: float | None
    """None means unknown, which is not the same as wrong."""
    verdict: Verdict
    answer: str | None = None
    tier: str | None = None
    """Which reading found the answer."""
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """The training weight of one response; 0 keeps the row and drops the sample."""

    prompt_id: str
    sample: int
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What the base student makes of one response, before it learns anything."""

    prompt_id: str
    sample: int
    logprob_sum: float | None
    """None where the response is too long to be trained on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One metric of one model on one task."""

    task: str
    metric: str
    value: float
    stderr: float | None
    items: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One evaluated problem, kept because the comparison is paired."""

    task: str
    item_id: str
    sample: int
    verdict: Verdict
    answer: str | None
    response: str
    finish: Finish
