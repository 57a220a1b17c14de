"""Token ids of the responses to train on, made once before the first step."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from advdistill.answers import AnswerFormat
from advdistill.errors import DataError
from advdistill.interfaces import Example
from advdistill.models import prompt_ids
from advdistill.records import Finish

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
) -> Rows:
    """Return the token ids of every response whose weight is not 0.

    Raises:
        DataError: there is no example, or none of those with a weight can be trained on.
    """
    if not examples:
        raise DataError("student: there is no response to train on; wanted at least one")
    by_prompt: dict[str, list[Row]] = {example.prompt.prompt_id: [] for example in examples}
    weighted = [example for example in examples if example.weight != 0]
    if not weighted:
        return Rows(by_prompt=by_prompt, dropped=0)
    lengths = []
    for example, row in zip(weighted, _rows(weighted, tokenizer, answer_format), strict=True):
        lengths.append(len(row.ids))
        if len(row.ids) <= max_tokens and row.response_tokens > 0:
            by_prompt[example.prompt.prompt_id].append(row)
    rows = Rows(by_prompt=by_prompt, dropped=len(weighted) - sum(map(len, by_prompt.values())))
    if rows.dropped:
        _tell(rows, lengths, max_tokens)
    return rows


def _rows(
    examples: Sequence[Example], tokenizer: "PreTrainedTokenizerBase", answer_format: AnswerFormat
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
                    *([tokenizer.eos_token_id] * (example.response.finish is Finish.stop)),
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


def _tell(rows: Rows, lengths: Sequence[int], max_tokens: int) -> None:
    found = (
        f"student: {rows.dropped} of {len(lengths)} responses with a weight have no token or, with "
        f"their prompt, more than {max_tokens} (longest {max(lengths)}, shortest {min(lengths)})"
    )
    if not rows.used:
        raise DataError(f"{found}; wanted at least one to train on; raise student.max_tokens")
    logger.warning("%s; they are left out; raise student.max_tokens to keep them", found)
