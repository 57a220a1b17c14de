"""Which prompts a step sees, and its learning rate: neither depends on the weights."""

from collections.abc import Iterator, Sequence
from itertools import chain, count, islice
from math import ceil, cos, pi

from advdistill.seeds import sample_seed
from advdistill.student.finetune import Finetune


def visits(student: Finetune, prompts: int) -> int:
    """Return how many prompts are seen over all steps, each as often as it comes up."""
    if student.max_steps is not None:
        return student.max_steps * student.batch_prompts
    # 0.7 * 10 is 7.000000000000001.
    return ceil(round(student.epochs * prompts, 6))


def batches(student: Finetune, prompt_ids: Sequence[str]) -> Iterator[list[str]]:
    """Yield the prompts of each step, epoch after epoch; only the last step may be short."""
    stream = chain.from_iterable(_order(prompt_ids, student.seed, epoch) for epoch in count())
    seen = islice(stream, visits(student, len(prompt_ids)))
    while batch := list(islice(seen, student.batch_prompts)):
        yield batch


def learning_rate(student: Finetune, step: int, steps: int) -> float:
    """Return the learning rate of a step, counted from 1: a linear rise, then half a cosine."""
    rising = round(student.warmup * steps)
    if step <= rising:
        return student.learning_rate * step / rising
    share = (step - rising - 1) / (steps - rising)
    floor = student.min_learning_rate
    return student.learning_rate * (floor + (1 - floor) * (1 + cos(pi * share)) / 2)


def _order(prompt_ids: Sequence[str], seed: int, epoch: int) -> list[str]:
    return sorted(prompt_ids, key=lambda name: (sample_seed(seed, f"order/{name}", epoch), name))
