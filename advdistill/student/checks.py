"""What must fit together before the first step: tokenizer, chat template, model and rows."""

from __future__ import annotations

import logging
from itertools import chain
from typing import TYPE_CHECKING

import torch
from jinja2 import TemplateError

from advdistill.errors import ConfigError, DataError
from advdistill.interfaces import Objective
from advdistill.models import load_generation_config, stop_ids
from advdistill.student.batches import Rows, own_end
from advdistill.student.finetune import Finetune
from advdistill.student.gradient import responses_of

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

_ANSWER = "forty-two"


def end_id(student: Finetune, tokenizer: PreTrainedTokenizerBase) -> int:
    """Return the token that ends an answer in training.

    It is what the chat template writes after an answer, else the tokenizer's `eos_token`. An
    adapter leaves the head as it is, so it is taught the template's token only where the base
    names it as a stop: Qwen2.5's base models do not know their template's `<|im_end|>`.

    Raises:
        DataError: the chat template does not render an answer.
    """
    eos, written = own_end(tokenizer), written_end(tokenizer)
    if written is None or written == eos:
        return eos
    taught = written
    if student.adapter is not None:
        base = load_generation_config(student.model, student.revision)
        taught = written if written in stop_ids(tokenizer, base) else eos
    logger.info(
        "student '%s': its chat template ends an answer with '%s', its eos_token is '%s'; "
        "'%s' is taught and the trained model stops at each",
        student.model,
        *(tokenizer.convert_ids_to_tokens(token) for token in (written, eos, taught)),
    )
    return taught


def every_end(
    tokenizer: PreTrainedTokenizerBase, generation_config: GenerationConfig | None
) -> list[int]:
    """Return every token that ends an answer: tokenizer's, model's and chat template's."""
    stops, written = stop_ids(tokenizer, generation_config), written_end(tokenizer)
    return stops if written is None else sorted({*stops, written})


def written_end(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """Return the special token that the chat template writes after an answer, if there is one.

    Raises:
        DataError: the chat template does not render an answer.
    """
    behind = _behind_an_answer(tokenizer).lstrip()
    special = {
        token.content: number
        for number, token in tokenizer.added_tokens_decoder.items()
        if token.special
    }
    # Longest first: one token may begin as another does.
    found = [text for text in sorted(special, key=len, reverse=True) if behind.startswith(text)]
    return special[found[0]] if found else None


def check_window(student: Finetune, model: PreTrainedModel) -> None:
    """Check that the model has a position for every token of the longest row.

    Raises:
        ConfigError: it has fewer.
    """
    # Models that count no positions, such as those with ALiBi, do not name it.
    positions = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if positions is not None and student.max_tokens > positions:
        raise ConfigError(
            f"student: max_tokens is {student.max_tokens}, but '{student.model}' has positions for "
            f"{positions}; wanted at most as many; lower student.max_tokens"
        )


def check_vocabulary(
    student: Finetune, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: Rows
) -> None:
    """Check that the model has an embedding for every token of the rows.

    Raises:
        DataError: it has none for one of them.
    """
    table = model.get_input_embeddings()
    assert isinstance(table, torch.nn.Embedding), "a language model embeds its tokens"
    for row in chain.from_iterable(rows.by_prompt.values()):
        highest = int(row.ids.max())
        if highest >= table.num_embeddings:
            token = tokenizer.convert_ids_to_tokens(highest)
            raise DataError(
                f"student: the tokenizer gives '{token}' in {row.prompt_id}, sample {row.sample}, "
                f"the id {highest}, but '{student.model}' has {table.num_embeddings} embeddings; "
                "wanted a tokenizer made for the model; embeddings of new tokens are not added"
            )


def check_teacher(objective: Objective, rows: Rows) -> None:
    """Check that the teacher's log-prob of every row is there, if the objective reads it.

    Raises:
        DataError: one is not.
    """
    without = [row for row in chain.from_iterable(rows.by_prompt.values()) if row.teacher is None]
    if objective.needs_teacher and without:
        raise DataError(
            f"objective: it reads the teacher's log-prob, which is not known of {len(without)} of "
            f"{rows.used} responses (first: {without[0].prompt_id}, sample {without[0].sample}); "
            "wanted a pool with log-probs, and student.overlong other than truncate"
        )


def check_loss(objective: Objective, rows: Rows) -> None:
    """Check that the objective has a loss for some response of the pool.

    Raises:
        DataError: it has none, as a loss on pairs where only right answers have a weight.
    """
    every = list(chain.from_iterable(rows.by_prompt.values()))
    if objective.denominator(responses_of(every)) != 0:
        return
    right = sum(row.right for row in every)
    raise DataError(
        f"objective '{type(objective).__name__}': none of the {len(every)} responses with a weight "
        f"({right} right, {len(every) - right} wrong) carries a loss, so no step would change the "
        "student; wanted some: a loss on pairs needs right and wrong answers to one prompt, and "
        "one that drops negative weights needs positive ones; give another weighting or objective"
    )


def _behind_an_answer(tokenizer: PreTrainedTokenizerBase) -> str:
    turns = [{"role": "user", "content": "?"}, {"role": "assistant", "content": _ANSWER}]
    try:
        rendered = str(tokenizer.apply_chat_template(turns, tokenize=False))
    except TemplateError as error:
        raise DataError(
            f"the chat template of '{tokenizer.name_or_path}' cannot render a question with its "
            f"answer ({error}); wanted a template that can; add another chat_template.jinja"
        ) from error
    _, found, behind = rendered.rpartition(_ANSWER)
    if not found:
        raise DataError(
            f"the chat template of '{tokenizer.name_or_path}' leaves out the assistant's answer; "
            "wanted a template that renders it; add another chat_template.jinja"
        )
    return behind
