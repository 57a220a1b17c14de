"""The check on dev prompts that chooses the checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from advdistill.answers import AnswerFormat
from advdistill.interfaces import Judge, Validate
from advdistill.records import Prompt, Verdict

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def validator(
    prompts: Sequence[Prompt],
    judge: Judge,
    *,
    answer_format: AnswerFormat,
    max_tokens: int,
    batch_size: int,
) -> Validate:
    """Return a function from a model to the share of these prompts it answers rightly, greedily."""

    def validate(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> float:
        from advdistill.engine.generation import Decoding
        from advdistill.engine.transformers import generate
        from advdistill.models import prompt_ids

        greedy = Decoding(temperature=0.0, top_p=1.0, max_tokens=max_tokens)
        right = 0
        for start in range(0, len(prompts), batch_size):
            batch = prompts[start : start + batch_size]
            ids = prompt_ids(batch, tokenizer, answer_format)
            answers = generate(model, tokenizer, ids, decoding=greedy, seeds=[[0]] * len(batch))
            judged = judge(
                [
                    (prompt, answer.response(prompt.prompt_id, 0, teacher="student"))
                    for prompt, (answer,) in zip(batch, answers, strict=True)
                ]
            )
            right += sum(rows[-1].verdict is Verdict.passed for rows in judged)
        return right / len(prompts)

    return validate
