"""A few responses of the first batch, cut to a bound, on which a gradient can be proved."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby, islice

from advdistill.student.batches import Row
from advdistill.student.gradient import responses_of
from advdistill.student.schedule import batches
from advdistill.student.training import Training

TOKENS = 2048
"""Of a padded pass of them all."""
LOGITS_BYTES = 128 * 2**20
"""Of such a pass, so that proving takes less memory than training."""
PROMPTS, ANSWERS = 2, 2
"""How many prompts, and of each how many answers of a kind: right or wrong, up or down."""


def excerpt(training: Training) -> list[Row]:
    """Return some responses of the first batch that has a loss; none if there is no such batch."""
    student, by_prompt = training.student, training.base.rows.by_prompt
    vocabulary = training.base.model.config.get_text_config().vocab_size
    tokens = min(TOKENS, LOGITS_BYTES // (4 * vocabulary))
    epoch = math.ceil(len(by_prompt) / student.batch_prompts)
    for names in islice(batches(student, by_prompt, training.job.budget), epoch):
        rows = few([by_prompt[name] for name in dict.fromkeys(names) if by_prompt[name]], tokens)
        if rows and training.objective.denominator(responses_of(rows)) != 0:
            return rows
    return []


def few(groups: Sequence[Sequence[Row]], tokens: int = TOKENS) -> list[Row]:
    """Return answers of every kind to a few prompts, those with most kinds, cut to a bound."""
    various = sorted(groups, key=lambda rows: -len({_kind(row) for row in rows}))[:PROMPTS]
    chosen = [
        row
        for rows in various
        for _, alike in groupby(sorted(rows, key=_kind), key=_kind)
        for row in islice(alike, ANSWERS)
    ]
    return [_cut(row, max(tokens // len(chosen), 2)) for row in chosen]


def _kind(row: Row) -> tuple[bool, bool]:
    return row.weight > 0, row.right


def _cut(row: Row, tokens: int) -> Row:
    """Return the end of the prompt and the beginning of the response, if both are too long."""
    prompt = min(row.prompt_tokens, tokens // 2)
    start = row.prompt_tokens - prompt
    ids = row.ids[start : start + tokens]
    share = (len(ids) - prompt) / row.response_tokens
    return replace(
        row,
        ids=ids,
        prompt_tokens=prompt,
        teacher=None if row.teacher is None else row.teacher * share,
        reference=None if row.reference is None else row.reference * share,
    )
