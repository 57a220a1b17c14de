from pathlib import Path

import pytest
import torch

from advdistill.student.sharded import Part, fill, read_whole, write_part


@pytest.mark.parametrize("rows", [1, 2, 3, 5])
def test_a_tensor_in_parts_is_put_together(tmp_path: Path, rows: int) -> None:
    whole = torch.arange(rows * 2.0).reshape(rows, 2)
    parts = [*whole.chunk(4), *[whole[:0]] * 4][:4]
    for rank, part in enumerate(parts):
        tensors = {"weight": part, "step": torch.tensor(7.0)}
        write_part(tmp_path / Part(rank=rank, size=4).name("model"), tensors)
    found = dict(read_whole(tmp_path, "model"))
    assert torch.equal(found["weight"], whole)
    assert found["step"] == 7.0


def test_a_whole_tensor_is_filled_whole() -> None:
    target = torch.zeros(2, 2, requires_grad=True)
    fill(target, torch.ones(2, 2))
    assert torch.equal(target, torch.ones(2, 2))
