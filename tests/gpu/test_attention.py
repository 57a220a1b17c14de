"""Flex attention on a CUDA device against the kernel that runs everywhere."""

import pytest
import torch

from advdistill.student.attention import separate
from advdistill.student.attention_flex import flex
from advdistill.student.attention_varlen import varlen
from advdistill.student.packing import Tree

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]


def row(scale: int) -> tuple[Tree, ...]:
    """Return two trees and a lone response behind each other."""
    first = Tree(start=0, prompt_tokens=145 * scale, response_tokens=(168, 60, 300))
    second = Tree(start=first.tokens, prompt_tokens=33, response_tokens=(1, 90 * scale))
    third = Tree(start=second.start + second.tokens, prompt_tokens=20, response_tokens=(40,))
    return (first, second, third)


def results(
    kernel: object, trees: tuple[Tree, ...], dtype: torch.dtype, heads: tuple[int, int, int]
) -> list[torch.Tensor]:
    """Return the output and the gradients by query, key and value."""
    assert callable(kernel)
    query_heads, key_heads, width = heads
    generator = torch.Generator("cuda").manual_seed(0)
    size = trees[-1].start + trees[-1].tokens
    parts = [
        torch.randn(1, size, number, width, generator=generator, device="cuda", dtype=dtype)
        .transpose(1, 2)
        .requires_grad_()
        for number in (query_heads, key_heads, key_heads)
    ]
    output = kernel(*parts, trees, width**-0.5)
    return [output.detach(), *torch.autograd.grad(output.float().square().sum(), parts)]


@pytest.mark.parametrize("heads", [(8, 2, 64), (4, 4, 32), (14, 2, 64), (16, 8, 128)])
@pytest.mark.parametrize(("dtype", "limit"), [(torch.float32, 1e-2), (torch.bfloat16, 3e-2)])
def test_flex_equals_the_kernel_that_runs_everywhere(
    dtype: torch.dtype, limit: float, heads: tuple[int, int, int]
) -> None:
    for scale in (1, 2, 3):  # rows of several lengths, as passes have
        found = results(flex, row(scale), dtype, heads)
        wanted = results(separate, row(scale), torch.float32, heads)
        for own, other in zip(found, wanted, strict=True):
            assert float((own.float() - other).norm() / other.norm()) < limit


@pytest.mark.parametrize("heads", [(8, 2, 64), (4, 4, 32), (14, 2, 64), (12, 2, 128), (4, 1, 256)])
def test_one_call_of_sequences_equals_the_kernel_that_runs_everywhere(
    heads: tuple[int, int, int],
) -> None:
    alone = tuple(
        Tree(start=start, prompt_tokens=20, response_tokens=(30,)) for start in (0, 50, 100)
    )
    for trees in (row(1), row(3), alone):
        found = results(varlen, trees, torch.bfloat16, heads)
        again = results(varlen, trees, torch.bfloat16, heads)
        wanted = results(separate, trees, torch.float32, heads)
        for own, same, other in zip(found, again, wanted, strict=True):
            assert torch.equal(own, same)
            assert float((own.float() - other).norm() / other.norm()) < 3e-2
    assert not torch.are_deterministic_algorithms_enabled()
