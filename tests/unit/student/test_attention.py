"""Axes: `H` heads, `S` tokens, `D` width of a head."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import scaled_dot_product_attention
from transformers import AutoModelForCausalLM, PreTrainedModel

from advdistill.interfaces import Packing
from advdistill.student.attention import Packed, UnpackableError, attend, separate, tree_attention
from advdistill.student.attention_flex import flex, sight
from advdistill.student.attention_merged import merged
from advdistill.student.attention_varlen import computes, sequences
from advdistill.student.packing import Tree
from tests.unit.student.packs import Group, trees_of

GROUPS = st.lists(
    st.tuples(st.integers(1, 6), st.lists(st.integers(1, 6), min_size=1, max_size=4)),
    min_size=1,
    max_size=4,
)

RAGGED: list[Group] = [(5, [3, 1, 9]), (1, [1]), (7, [4]), (2, [70, 33]), (40, [2, 2, 2, 2])]


def seen_by(trees: Sequence[Tree]) -> torch.Tensor:
    """Return visible_SS, written out token by token."""
    size = trees[-1].start + trees[-1].tokens
    visible_SS = torch.zeros(size, size, dtype=torch.bool)
    for tree in trees:
        prompt = range(tree.start, tree.start + tree.prompt_tokens)
        for own in [range(0), *(range(part.start, part.stop) for part in tree.responses)]:
            text = [*prompt, *own]
            for place, token in enumerate(text):
                visible_SS[token, text[: place + 1]] = True
    return visible_SS


def inputs(
    trees: Sequence[Tree], heads: int = 4, key_heads: int = 2, width: int = 16
) -> list[torch.Tensor]:
    """Return query, key and value laid out as transformers does."""
    generator = torch.Generator().manual_seed(0)
    size = trees[-1].start + trees[-1].tokens
    return [
        torch.randn(1, size, number, width, generator=generator, dtype=torch.float64)
        .transpose(1, 2)
        .requires_grad_()
        for number in (heads, key_heads, key_heads)
    ]


def by_hand(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    trees: Sequence[Tree],
    scale: float | None,
) -> torch.Tensor:
    mask = seen_by(trees)
    output = scaled_dot_product_attention(
        query, key, value, attn_mask=mask, scale=scale, enable_gqa=True
    )
    return output.transpose(1, 2)


def gradients(
    kernel: Callable[..., torch.Tensor], parts: Sequence[torch.Tensor], trees: Sequence[Tree]
) -> list[torch.Tensor]:
    output = kernel(*parts, trees, 0.3)
    slope = torch.linspace(-1, 1, output.numel(), dtype=output.dtype).view_as(output)
    return [output.detach(), *torch.autograd.grad((output * slope).sum(), parts)]


def gap(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return float(((found.double() - wanted).norm() / wanted.norm()).detach())


@pytest.mark.parametrize("kernel", [merged, separate])
@pytest.mark.parametrize(("heads", "key_heads", "width"), [(4, 4, 16), (4, 2, 24), (6, 1, 128)])
def test_a_kernel_attends_as_the_mask_says(
    kernel: Callable[..., torch.Tensor], heads: int, key_heads: int, width: int
) -> None:
    trees = trees_of(RAGGED)
    parts = inputs(trees, heads, key_heads, width)
    found, wanted = gradients(kernel, parts, trees), gradients(by_hand, parts, trees)
    assert [part.shape for part in found] == [part.shape for part in wanted]
    assert max(map(gap, found, wanted)) < 1e-12


@pytest.mark.parametrize(("dtype", "limit"), [(torch.float32, 1e-6), (torch.bfloat16, 2e-2)])
def test_the_merged_kernel_keeps_its_precision(dtype: torch.dtype, limit: float) -> None:
    trees = trees_of(RAGGED)
    parts = inputs(trees)
    found = gradients(merged, [part.to(dtype) for part in parts], trees)
    wanted = gradients(by_hand, [part.to(dtype).double() for part in parts], trees)
    assert {part.dtype for part in found} == {dtype}
    assert max(map(gap, found, wanted)) < limit


def test_merging_holds_for_scores_of_any_size() -> None:
    trees = trees_of([(6, [5, 4])])
    query, key, value = inputs(trees)
    for size in (1e-6, 1e3):
        parts = [(query * size).detach().requires_grad_(), key, value]
        found, wanted = gradients(merged, parts, trees), gradients(by_hand, parts, trees)
        assert all(part.isfinite().all() for part in found)
        assert max(float((a - b).abs().max()) for a, b in zip(found, wanted, strict=True)) < 1e-7


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_flex_attends_as_the_mask_says() -> None:
    trees = trees_of(RAGGED)
    parts = [part.detach().float() for part in inputs(trees)]
    wanted = by_hand(*(part.double() for part in parts), trees, 0.3)
    assert gap(flex(*parts, trees, 0.3), wanted) < 1e-6


@given(GROUPS)
@settings(max_examples=40, deadline=None)
def test_a_token_sees_its_prompt_and_its_own_response(groups: list[Group]) -> None:
    trees = trees_of(groups)
    places = torch.arange(trees[-1].start + trees[-1].tokens)
    found = sight(trees, places.device)(places[:, None], places[None, :])
    assert torch.equal(found, seen_by(trees))


@given(GROUPS)
@settings(max_examples=40, deadline=None)
def test_the_sequences_of_a_row_see_what_the_mask_says(groups: list[Group]) -> None:
    trees = trees_of(groups)
    parts = sequences(trees, torch.device("cpu"))
    size = trees[-1].start + trees[-1].tokens
    rows_S11 = torch.arange(size)[:, None, None]
    keys = parts.copied(rows_S11).flatten()
    found_SS = torch.zeros(size, size, dtype=torch.bool)
    ends = zip(parts.query_ends.tolist(), parts.key_ends.tolist(), strict=True)
    for (start, first), (stop, last) in pairwise(ends):
        for back, asking in enumerate(reversed(range(start, stop))):  # aligned at the end
            found_SS[asking, keys[first : last - back]] = True
        assert stop - start <= parts.longest_query
        assert last - first <= parts.longest_key
    assert torch.equal(found_SS, seen_by(trees))


@given(GROUPS, st.sampled_from([torch.float64, torch.bfloat16]))
@settings(max_examples=40, deadline=None)
def test_the_gradients_of_copied_keys_add_up(groups: list[Group], dtype: torch.dtype) -> None:
    trees = trees_of(groups)
    parts = sequences(trees, torch.device("cpu"))
    row_SHD = torch.zeros(trees[-1].start + trees[-1].tokens, 2, 3).double().requires_grad_()
    copies_CHD = parts.copied(row_SHD)
    slope_CHD = torch.randn(copies_CHD.shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    (wanted_SHD,) = torch.autograd.grad(copies_CHD, row_SHD, slope_CHD.double())
    found_SHD = parts.summed(slope_CHD)
    assert found_SHD.dtype is dtype
    # rounded once, whatever the number of copies
    assert torch.equal(found_SHD, wanted_SHD.to(dtype)) or gap(found_SHD, wanted_SHD) < 1e-14


def test_flash_attention_is_for_cuda_alone() -> None:
    assert not computes(torch.zeros(1, 2, 3, 8, dtype=torch.bfloat16))


@pytest.mark.parametrize("kernel", [merged, separate])
def test_nothing_reaches_another_response(kernel: Callable[..., torch.Tensor]) -> None:
    trees = trees_of([(5, [6, 4, 7]), (3, [2, 8])])
    parts = inputs(trees)
    output = kernel(*parts, trees, None)
    responses = [own for tree in trees for own in tree.responses]
    for own in responses:
        others = [other for other in responses if other != own]
        for found in torch.autograd.grad(output[:, own].sum(), parts, retain_graph=True):
            assert found[:, :, own].any()
            assert not any(found[:, :, other].any() for other in others)
        changed = [part.detach().clone() for part in parts]
        for part in changed:
            part[:, :, own] += 1
        difference = kernel(*changed, trees, None) != output
        assert difference[:, own].all()
        difference[:, own] = False
        assert not difference.any()


def test_dropout_in_the_attention_is_honoured() -> None:
    trees = trees_of([(4, [3, 5])])
    module = torch.nn.Module()

    def outputs(dropout: float) -> torch.Tensor:
        torch.manual_seed(0)
        return attend(module, *inputs(trees), None, packed=Packed(trees), dropout=dropout)[0]

    assert gap(outputs(1e-9), outputs(0.0)) < 1e-6
    assert gap(outputs(0.5), outputs(0.0)) > 0.1


def test_under_autocast_it_computes_in_the_lower_precision() -> None:
    trees = trees_of([(4, [3, 5])])
    query, key, value = (part.detach().float() for part in inputs(trees))
    with torch.autocast("cpu", torch.bfloat16):
        found, _ = attend(
            torch.nn.Module(), query, key, value.bfloat16(), None, packed=Packed(trees)
        )
    assert found.dtype is torch.bfloat16


@pytest.mark.parametrize("option", ["sliding_window", "softcap", "s_aux", "position_bias"])
def test_a_layer_that_alters_its_scores_is_refused(option: str) -> None:
    trees = trees_of([(2, [2, 2])])
    with pytest.raises(UnpackableError, match=f"Module attends with {option}; wanted full"):
        attend(torch.nn.Module(), *inputs(trees), None, packed=Packed(trees), **{option: 4})


@pytest.fixture(scope="module")
def model(tiny: str) -> PreTrainedModel:
    return AutoModelForCausalLM.from_pretrained(tiny).eval()


def test_generation_is_the_same_inside(model: PreTrainedModel) -> None:
    """A batch padded on the left, with a cache: whole scores, not tokens alone."""
    ids = torch.tensor([[0, 0, 5, 9, 11], [7, 8, 9, 10, 11], [0, 0, 0, 0, 6]])
    options = {
        "attention_mask": (ids != 0).long(),
        "max_new_tokens": 12,
        "do_sample": False,
        "output_scores": True,
        "return_dict_in_generate": True,
    }
    outside = model.generate(ids, **options)
    with tree_attention(model):
        inside = model.generate(ids, **options)
    assert torch.equal(inside.sequences, outside.sequences)
    assert torch.equal(torch.stack(inside.scores), torch.stack(outside.scores))


def test_the_models_own_attention_comes_back(model: PreTrainedModel) -> None:
    own = model.config._attn_implementation
    with tree_attention(model, Packing.padded):
        assert model.config._attn_implementation == own
    with tree_attention(model):
        assert model.config._attn_implementation != own
    with pytest.raises(ZeroDivisionError), tree_attention(model):
        raise ZeroDivisionError
    assert model.config._attn_implementation == own
