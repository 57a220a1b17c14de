"""What the base student makes of the responses before it learns anything.

Axes: `B` responses, `N` response tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from advdistill.interfaces import Example, TrainingJob
from advdistill.student.attention import tree_attention
from advdistill.student.finetune import Finetune
from advdistill.student.loading import open_base
from advdistill.student.packing import micro_batches


def refer(
    student: Finetune, examples: Sequence[Example], *, job: TrainingJob
) -> list[float | None]:
    """Return each response's summed log-prob; None for one that is left out of training."""
    base = open_base(student, [replace(example, weight=1.0) for example in examples], job=job)
    known: dict[tuple[str, int], float] = {}
    prompts = list(base.rows.by_prompt.values())
    with tree_attention(base.model, base.packing):
        for done, rows in enumerate(prompts, 1):
            passes = micro_batches(rows, packing=base.packing, row_tokens=job.row_tokens)
            sums_B = torch.zeros(len(rows), dtype=torch.float64)
            for batch in passes:
                _, logprobs_N = base.forward(batch.to(base.accelerator.device), None)
                sums_B.index_add_(0, batch.response_N, logprobs_N.double().cpu())
            known |= {
                (row.prompt_id, row.sample): float(value)
                for row, value in zip(rows, sums_B, strict=True)
            }
            job.watch.progress(done, len(prompts))
    keys = [(example.prompt_id, example.sample) for example in examples]
    return [known.get(key) for key in keys]
