"""The responses to train on as rows of token ids, which are read when a step needs them."""

import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from advdistill.errors import DataError
from advdistill.interfaces import Example, Tokens
from advdistill.student.finetune import Overlong

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeldTokens:
    """Tokens that are in memory."""

    ids: NDArray[np.int32]
    prompt_tokens: int

    @property
    def answer_tokens(self) -> int:
        """How many stand behind the prompt."""
        return len(self.ids) - self.prompt_tokens

    def read(self) -> NDArray[np.int32]:
        """Return them."""
        return self.ids


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Row:
    """One prompt and response as the student sees them."""

    prompt_id: str
    sample: int
    tokens: Tokens
    end: int | None = None
    """The token that is taught behind the answer."""
    length: int
    """The tokens of prompt, answer and end that are trained on: less than all where it is cut."""
    weight: float
    right: bool
    teacher: float | None
    """The teacher's log-prob of the response, summed."""
    reference: float | None
    """The base student's."""

    @property
    def ids(self) -> NDArray[np.int32]:
        """The token ids, read now."""
        ids = self.tokens.read()
        whole = ids if self.end is None else np.append(ids, np.int32(self.end))
        return whole[: self.length]

    @property
    def prompt_tokens(self) -> int:
        """The tokens before the response."""
        return self.tokens.prompt_tokens

    @property
    def response_tokens(self) -> int:
        """The tokens that carry loss."""
        return self.length - self.prompt_tokens


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """The responses that carry a weight, by prompt; a prompt without any has an empty list."""

    by_prompt: dict[str, list[Row]]
    dropped: int
    """Responses with a weight that are too long or have no token."""
    truncated: int
    """Responses that are trained on without their ends, which were too long."""

    @property
    def used(self) -> int:
        """The number of responses that are trained on."""
        return sum(len(rows) for rows in self.by_prompt.values())


def encode(
    examples: Sequence[Example],
    *,
    end: int,
    max_tokens: int,
    overlong: Overlong = Overlong.drop,
) -> Rows:
    """Return every response whose weight is not 0 as a row.

    `end` is the token that ends an answer.

    Raises:
        DataError: there is no example, one is there twice or has a weight that is no number, or
            none of those with a weight can be trained on.
    """
    by_prompt: dict[str, list[Row]] = {}
    whole: list[Row] = []
    for example in _checked(examples):
        by_prompt.setdefault(example.prompt_id, [])
        if example.weight != 0:
            whole.append(_row(example, end))
    if not whole:
        raise DataError(
            f"student: none of {len(examples)} responses carries a weight; wanted at least one; "
            "choose a weighting that keeps some, or look at the rewards"
        )
    too_long = [row for row in whole if row.length > max_tokens]
    if too_long and overlong is Overlong.error:
        raise DataError(_refusal(too_long, max_tokens))
    cut = overlong is Overlong.truncate
    for row in whole:
        if cut and row.prompt_tokens < max_tokens < row.length:
            # The teacher's log-prob is that of the whole response.
            row = replace(row, length=max_tokens, teacher=None)
        if row.length <= max_tokens and row.response_tokens > 0:
            by_prompt[row.prompt_id].append(row)
    kept = sum(map(len, by_prompt.values()))
    rows = Rows(
        by_prompt=by_prompt,
        dropped=len(whole) - kept,
        truncated=sum(row.prompt_tokens < max_tokens for row in too_long) if cut else 0,
    )
    if rows.dropped or rows.truncated:
        _tell(rows, [row.length for row in whole], max_tokens)
    return rows


def own_end(tokenizer: "PreTrainedTokenizerBase") -> int:
    """Return the id of the tokenizer's `eos_token`."""
    end = tokenizer.eos_token_id
    assert isinstance(end, int), "`load_tokenizer` refuses one that names none"
    return end


def _checked(examples: Sequence[Example]) -> Iterator[Example]:
    if not examples:
        raise DataError("student: there is no response to train on; wanted at least one")
    seen: dict[str, set[int]] = {}
    for example in examples:
        samples = seen.setdefault(example.prompt_id, set())
        if example.sample in samples:
            raise DataError(
                f"student: sample {example.sample} of {example.prompt_id} is there twice; wanted "
                "each response once; remove one from the pool"
            )
        samples.add(example.sample)
        if not math.isfinite(example.weight):
            raise DataError(
                f"student: the weight of {example.prompt_id}, sample {example.sample}, is "
                f"{example.weight}; wanted a finite number; see what the weighting makes of its "
                "group"
            )
        yield example


def _row(example: Example, end: int) -> Row:
    tokens = example.tokens
    return Row(
        prompt_id=example.prompt_id,
        sample=example.sample,
        tokens=tokens,
        # An answer that was cut off did not end here, so no end is taught.
        end=end if example.ended else None,
        length=tokens.prompt_tokens + tokens.answer_tokens + example.ended,
        weight=example.weight,
        right=example.right,
        teacher=example.teacher,
        reference=example.reference,
    )


def _refusal(too_long: Sequence[Row], max_tokens: int) -> str:
    first = too_long[0]
    return (
        f"student: {len(too_long)} responses are, with their prompt, longer than {max_tokens} "
        f"tokens (first: {first.prompt_id}, sample {first.sample}, with {first.length}); wanted "
        "none; raise student.max_tokens, or set student.overlong to truncate or drop"
    )


def _tell(rows: Rows, lengths: Sequence[int], max_tokens: int) -> None:
    found = (
        f"student: of {len(lengths)} responses with a weight, {rows.dropped} are left out, as they "
        f"have no token or, with their prompt, more than {max_tokens}, and {rows.truncated} are "
        f"cut (longest {max(lengths)}, shortest {min(lengths)})"
    )
    if not rows.used:
        raise DataError(f"{found}; wanted at least one to train on; raise student.max_tokens")
    logger.warning("%s; raise student.max_tokens to keep them whole", found)
