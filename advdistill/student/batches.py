"""Token ids of the responses to train on, made once before the first step."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from advdistill.answers import AnswerFormat
from advdistill.errors import DataError
from advdistill.interfaces import Example
from advdistill.models import prompt_ids
from advdistill.records import Finish
from advdistill.student.finetune import Overlong

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Row:
    """One prompt and response as the student sees them."""

    prompt_id: str
    sample: int
    ids: NDArray[np.int32]
    prompt_tokens: int
    weight: float
    right: bool
    teacher: float | None
    """The teacher's log-prob of the response, summed."""
    reference: float | None
    """The base student's."""

    @property
    def response_tokens(self) -> int:
        """The tokens that carry loss."""
        return len(self.ids) - self.prompt_tokens


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
    tokenizer: "PreTrainedTokenizerBase",
    *,
    answer_format: AnswerFormat,
    max_tokens: int,
    overlong: Overlong = Overlong.drop,
    end: int | None = None,
) -> Rows:
    """Return the token ids of every response whose weight is not 0.

    `end` is the token that ends an answer; None: the tokenizer's own.

    Raises:
        DataError: there is no example, one is there twice or has a weight that is no number, or
            none of those with a weight can be trained on.
    """
    _check(examples)
    by_prompt: dict[str, list[Row]] = {example.prompt.prompt_id: [] for example in examples}
    weighted = [example for example in examples if example.weight != 0]
    if not weighted:
        raise DataError(
            f"student: none of {len(examples)} responses carries a weight; wanted at least one; "
            "choose a weighting that keeps some, or look at the rewards"
        )
    last = own_end(tokenizer) if end is None else end
    whole = _rows(weighted, tokenizer, answer_format, last)
    too_long = [row for row in whole if len(row.ids) > max_tokens]
    if too_long and overlong is Overlong.error:
        raise DataError(_refusal(too_long, max_tokens))
    cut = overlong is Overlong.truncate
    for row in whole:
        if cut and row.prompt_tokens < max_tokens < len(row.ids):
            # The teacher's log-prob is that of the whole response.
            row = replace(row, ids=row.ids[:max_tokens], teacher=None)
        if len(row.ids) <= max_tokens and row.response_tokens > 0:
            by_prompt[row.prompt_id].append(row)
    kept = sum(map(len, by_prompt.values()))
    rows = Rows(
        by_prompt=by_prompt,
        dropped=len(whole) - kept,
        truncated=sum(row.prompt_tokens < max_tokens for row in too_long) if cut else 0,
    )
    if rows.dropped or rows.truncated:
        _tell(rows, [len(row.ids) for row in whole], max_tokens)
    return rows


def own_end(tokenizer: "PreTrainedTokenizerBase") -> int:
    """Return the id of the tokenizer's `eos_token`."""
    end = tokenizer.eos_token_id
    assert isinstance(end, int), "`load_tokenizer` refuses one that names none"
    return end


def _check(examples: Sequence[Example]) -> None:
    if not examples:
        raise DataError("student: there is no response to train on; wanted at least one")
    seen: set[tuple[str, int]] = set()
    for example in examples:
        name = (example.prompt.prompt_id, example.response.sample)
        if name in seen:
            raise DataError(
                f"student: sample {name[1]} of {name[0]} is there twice; wanted each response "
                "once; remove one from the pool"
            )
        seen.add(name)
        if not math.isfinite(example.weight):
            raise DataError(
                f"student: the weight of {name[0]}, sample {name[1]}, is {example.weight}; wanted "
                "a finite number; see what the weighting makes of its group"
            )


def _rows(
    examples: Sequence[Example],
    tokenizer: "PreTrainedTokenizerBase",
    answer_format: AnswerFormat,
    end: int,
) -> list[Row]:
    problems = {example.prompt.prompt_id: example.prompt for example in examples}
    asked = prompt_ids(list(problems.values()), tokenizer, answer_format)
    prompts = dict(zip(problems, asked, strict=True))
    answers = tokenizer([e.response.text for e in examples], add_special_tokens=False)["input_ids"]
    return [
        Row(
            prompt_id=example.prompt.prompt_id,
            sample=example.response.sample,
            ids=np.array(
                [
                    *prompts[example.prompt.prompt_id],
                    *answer,
                    # An answer that was cut off did not end here, so no end is taught.
                    *([end] * (example.response.finish is Finish.stop)),
                ],
                dtype=np.int32,
            ),
            prompt_tokens=len(prompts[example.prompt.prompt_id]),
            weight=example.weight,
            right=example.right,
            teacher=example.response.logprob_sum,
            reference=example.reference,
        )
        for example, answer in zip(examples, answers, strict=True)
    ]


def _refusal(too_long: Sequence[Row], max_tokens: int) -> str:
    first = too_long[0]
    return (
        f"student: {len(too_long)} responses are, with their prompt, longer than {max_tokens} "
        f"tokens (first: {first.prompt_id}, sample {first.sample}, with {len(first.ids)}); wanted "
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
