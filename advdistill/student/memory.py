"""What happens where a step does not fit the accelerator's memory: it is done again in less."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch

from advdistill.errors import StageError

logger = logging.getLogger(__name__)

Found = TypeVar("Found")


@dataclass(kw_only=True)
class Room:
    """How many tokens a pass may have. It shrinks, and stays so for the rest of the training."""

    row_tokens: int
    alone: bool
    """Whether no other process takes part; one of several cannot repeat a step by itself."""


def within_memory(
    attempt: Callable[[int], Found],
    room: Room,
    *,
    discard: Callable[[], None],
    longest: int,
    tokens: int,
) -> Found:
    """Return what the attempt, given the tokens of a pass, gives back, halving them as needed.

    A step's sums do not depend on its passes, so that it is the same step in smaller ones.

    Args:
        attempt: the passes of a step.
        room: is changed where it is too large.
        discard: undoes an attempt that ended halfway, such as its part of a gradient.
        longest: tokens of the longest prompt with a response, which cannot be halved.
        tokens: of all of them, more than which no pass has.

    Raises:
        StageError: the longest response does not fit by itself, or there are several processes.
    """
    while True:
        try:
            return attempt(room.row_tokens)
        except torch.OutOfMemoryError as error:
            found = str(error).splitlines()[0]
        # outside of `except`, as the error holds on to the tensors of the attempt
        discard()
        torch.cuda.empty_cache()
        _shrink(room, found, longest=longest, tokens=tokens)


def _shrink(room: Room, found: str, *, longest: int, tokens: int) -> None:
    before = min(room.row_tokens, tokens)
    if before <= longest:
        raise StageError(
            f"student: a pass of {longest} tokens, one prompt with one response, does not fit the "
            f"memory ({found}); wanted room for the longest one; set "
            "student.gradient_checkpointing=true or student.dtype=bfloat16, lower "
            "student.max_tokens, or take a smaller model"
        )
    if not room.alone:
        raise StageError(
            f"student: a pass of up to {before} tokens does not fit the memory of one of the "
            f"processes ({found}); wanted room in each; set runtime.row_tokens={before // 2}"
        )
    room.row_tokens = max(before // 2, longest)
    logger.warning(
        "student: a pass of up to %d tokens did not fit the memory (%s); from here on passes have "
        "up to %d, and a step is the same in more of them; set runtime.row_tokens=%d to begin so",
        before,
        found,
        room.row_tokens,
        room.row_tokens,
    )
