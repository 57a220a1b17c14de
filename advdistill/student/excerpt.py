"""A few responses of the first batch, cut to a bound, on which a gradient can be proved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, groupby, islice

from advdistill.student.batches import HeldTokens, Row
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
    """Return some responses of the first batch in which a prompt has a loss.

    Where no batch has one, of any prompt that has.
    """
    vocabulary = training.base.model.config.get_text_config().vocab_size
    groups = next(filter(None, _groups_with_loss(training)))
    return few(groups, min(TOKENS, LOGITS_BYTES // (4 * vocabulary)))


def _groups_with_loss(training: Training) -> Iterator[list[list[Row]]]:
    """Yield the rows of each prompt that has a loss, batch by batch and then of the whole pool."""
    by_prompt, loss_of = training.base.rows.by_prompt, training.objective.denominator
    for names in chain(batches(training.student, by_prompt, training.job.budget), [by_prompt]):
        groups = [by_prompt[name] for name in dict.fromkeys(names)]
        yield [rows for rows in groups if rows and loss_of(responses_of(rows)) != 0]


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
        tokens=HeldTokens(ids=ids, prompt_tokens=prompt),
        end=None,
        length=len(ids),
        teacher=None if row.teacher is None else row.teacher * share,
        reference=None if row.reference is None else row.reference * share,
    )
