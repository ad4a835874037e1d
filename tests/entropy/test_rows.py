"""`attention_entropy` against arithmetic, and against the whole matrix in float64."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

import headviz as hv
from headviz.entropy import attention_with_entropy, kernel, prepare_mask, row_entropy
from tests.entropy.reference import reference_rows, tolerance

METHODS = ("fused", "tiled", "matrix")


# --- known answers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_uniform_rows_have_the_log_of_the_number_of_keys(method: str, draw: Any) -> None:
    rows = hv.attention_entropy(torch.zeros(2, 3, 5, 8), draw(2, 3, 77, 8), method=method)
    torch.testing.assert_close(rows, torch.full((2, 3, 5), math.log(77)), atol=1e-6, rtol=0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("offset", [0.0, 50.0])
def test_one_key_far_ahead_gives_zero_and_two_give_log_two(method: str, offset: float) -> None:
    key = torch.zeros(1, 1, 9, 2)
    key[..., 3, 0] = 20.0  # the seven others weigh e^-20 each
    query = torch.tensor([[[[1.0, 0.0]]]])
    one = hv.attention_entropy(query, key + offset, scale=1.0, method=method)
    key[..., 7, 0] = 20.0
    two = hv.attention_entropy(query, key + offset, scale=1.0, method=method)
    assert one.item() == pytest.approx(0, abs=1e-6)
    assert one.item() >= 0
    assert two.item() == pytest.approx(math.log(2), abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("order", [0.5, 1.0, 2.0])
def test_one_key_gives_zero_without_a_sign(method: str, order: float, draw: Any) -> None:
    rows = hv.attention_entropy(draw(2, 2, 6, 5, size=9), draw(2, 2, 1, 5, size=9), order=order, method=method)
    assert torch.equal(rows, torch.zeros(2, 2, 6))
    assert not torch.signbit(rows).any()


@pytest.mark.parametrize("method", METHODS)
def test_causal_uniform_rows_have_the_log_of_their_place(method: str, draw: Any) -> None:
    rows = hv.attention_entropy(torch.zeros(1, 1, 6, 4), draw(1, 1, 6, 4), causal=True, method=method)
    torch.testing.assert_close(rows[0, 0], torch.arange(1, 7).log(), atol=1e-6, rtol=0)


def test_sharp_rows_are_never_negative_nor_above_log_n(draw: Any) -> None:
    rows = hv.attention_entropy(draw(2, 4, 64, 16, size=30), draw(2, 4, 64, 16, size=30))
    assert rows.min() >= 0
    flat = hv.attention_entropy(draw(2, 4, 64, 16, size=1e-3), draw(2, 4, 64, 16, size=1e-3))
    assert flat.max() <= math.log(64) + 1e-5


# --- against float64 ---------------------------------------------------------------------------------------------


def _mask(kind: str, batch: int, queries: int, keys: int) -> Tensor | None:
    length = torch.arange(batch).remainder(keys) + 1
    column = torch.arange(keys)
    if kind == "right":
        return (column < length[:, None])[:, None, None]
    if kind == "left":
        return (column >= keys - length[:, None])[:, None, None]
    if kind == "full":
        generator = torch.Generator().manual_seed(queries)
        return torch.rand(batch, 1, queries, keys, generator=generator) < 0.6
    return None


@given(
    method=st.sampled_from((*METHODS, "auto")),
    batch=st.integers(1, 3),
    key_heads=st.integers(1, 3),
    shared=st.sampled_from((1, 2, 4)),
    queries=st.integers(1, 40),
    keys=st.integers(1, 40),
    width=st.sampled_from((1, 3, 8, 33, 64, 96, 128, 256)),
    size=st.sampled_from((0.1, 1.0, 3.0)),
    kind=st.sampled_from(("none", "left", "right", "full")),
    additive=st.sampled_from((None, -math.inf, torch.finfo(torch.float32).min, -1e9)),
    causal=st.booleans(),
    double=st.booleans(),
    order=st.sampled_from((1.0, 1.0, 0.5, 2.0)),
)
def test_any_shape_agrees_with_softmax_in_float64(
    method: str,
    batch: int,
    key_heads: int,
    shared: int,
    queries: int,
    keys: int,
    width: int,
    size: float,
    kind: str,
    additive: float | None,
    causal: bool,
    double: bool,
    order: float,
) -> None:
    generator = torch.Generator().manual_seed(queries * 41 + keys)
    query = size * torch.randn(batch, key_heads * shared, queries, width, generator=generator, dtype=torch.float64)
    key = size * torch.randn(batch, key_heads, keys, width, generator=generator, dtype=torch.float64)
    query, key = (query, key) if double else (query.float(), key.float())
    mask = _mask(kind, batch, queries, keys)
    if mask is not None and additive is not None:
        mask = torch.where(mask, 0.0, additive)
    rows = hv.attention_entropy(query, key, mask=mask, causal=causal, order=order, method=method)  # type: ignore[arg-type]
    expected, largest = reference_rows(query, key, mask=mask, causal=causal, order=order)
    assert rows.dtype == query.dtype
    limit = 1e-12 * (1 + largest) if double else tolerance(largest)
    torch.testing.assert_close(rows.double(), expected, atol=limit, rtol=0, equal_nan=True)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shift", [100.0, 1000.0])
def test_keys_shifted_together_change_nothing(method: str, shift: float, draw: Any) -> None:
    # Multiples of 1/64 survive the addition exactly, so any difference is the entropy's own rounding.
    query, key = draw(2, 4, 50, 64), (draw(2, 4, 60, 64) * 64).round() / 64
    before = hv.attention_entropy(query, key, method=method)
    after = hv.attention_entropy(query, key + shift, method=method)
    torch.testing.assert_close(after, before, atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [5.0, 20.0, 60.0])
@pytest.mark.parametrize("method", METHODS)
def test_large_logits_stay_within_the_rounding_of_float32(method: str, size: float, draw: Any) -> None:
    query, key = draw(2, 4, 300, 64) * size**0.5, draw(2, 4, 300, 64) * size**0.5
    expected, largest = reference_rows(query, key)
    assert largest > 3 * size
    rows = hv.attention_entropy(query, key, method=method)
    torch.testing.assert_close(rows.double(), expected, atol=tolerance(largest), rtol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype: torch.dtype, draw: Any) -> None:
    query, key = draw(2, 3, 40, 64).to(dtype), (draw(2, 3, 40, 64) + 5).to(dtype)
    rows = hv.attention_entropy(query, key)
    expected, largest = reference_rows(query, key)
    assert rows.dtype == torch.float32
    torch.testing.assert_close(rows.double(), expected, atol=tolerance(largest), rtol=0)


@pytest.mark.parametrize("method", METHODS)
def test_autocast_around_the_call_costs_no_precision(method: str, draw: Any) -> None:
    query, key = draw(1, 2, 30, 16), draw(1, 2, 30, 16)
    before = hv.attention_entropy(query, key, method=method)
    with torch.autocast("cpu", torch.bfloat16):
        inside = hv.attention_entropy(query, key, method=method)
    assert torch.equal(inside, before)


def test_autocast_around_output_and_entropy_costs_no_precision(draw: Any) -> None:
    query, key, value = draw(1, 2, 30, 16), draw(1, 2, 30, 16), draw(1, 2, 30, 4)
    before = attention_with_entropy(query, key, value)
    with torch.autocast("cpu", torch.bfloat16):
        inside = attention_with_entropy(query, key, value)
    assert torch.equal(inside.output, before.output)
    assert torch.equal(inside.entropy, before.entropy)


@pytest.mark.parametrize("method", METHODS)
def test_strided_inputs_give_what_contiguous_ones_give(method: str, draw: Any) -> None:
    # The fused kernel reads a last axis with gaps as garbage and says nothing.
    query, key = draw(2, 3, 16, 20), draw(2, 3, 16, 20)
    strided = [x.transpose(-1, -2).contiguous().transpose(-1, -2) for x in (query, key)]
    as_models_do = [x.transpose(1, 2).contiguous().transpose(1, 2) for x in (query, key)]
    plain = hv.attention_entropy(query, key, method=method)
    for other in (strided, as_models_do):
        torch.testing.assert_close(hv.attention_entropy(*other, method=method), plain, atol=1e-6, rtol=0)


def test_scale_is_one_over_the_root_of_the_width_unless_given(draw: Any) -> None:
    query, key = draw(1, 2, 7, 16), draw(1, 2, 7, 16)
    assert torch.equal(hv.attention_entropy(query, key), hv.attention_entropy(query, key, scale=0.25))
    expected, _ = reference_rows(query, key, scale=2.0)
    assert (expected - reference_rows(query, key)[0]).abs().max() > 0.5
    torch.testing.assert_close(hv.attention_entropy(query, key, scale=2.0).double(), expected, atol=1e-4, rtol=0)


# --- masks and biases --------------------------------------------------------------------------------------------


def _alibi(heads: int, queries: int, keys: int) -> Tensor:
    distance = (torch.arange(queries)[:, None] - torch.arange(keys)).abs()
    return -0.1 * torch.arange(1, heads + 1)[None, :, None, None] * distance


@pytest.mark.parametrize("method", ["auto", "tiled", "matrix"])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("order", [0.5, 1.0, 2.0, math.inf])
def test_finite_bias_counts_as_part_of_the_logits(method: str, causal: bool, order: float, draw: Any) -> None:
    query, key, alibi = draw(2, 3, 40, 16), draw(2, 3, 40, 16), _alibi(3, 40, 40)
    padding = (torch.arange(40) < torch.tensor([[40], [25]]))[:, None, None]
    expected, largest = reference_rows(query, key, mask=padding, bias=alibi, causal=causal, order=order)
    plain, _ = reference_rows(query, key, mask=padding, causal=causal, order=order)
    assert (plain - expected).abs().max() > 0.5  # leaving the bias out would be seen
    joined = alibi.masked_fill(~padding, -math.inf)
    options: Any = {"causal": causal, "order": order, "method": method}
    for rows in (
        hv.attention_entropy(query, key, mask=joined, **options),
        hv.attention_entropy(query, key, mask=padding, bias=alibi, **options),
    ):
        torch.testing.assert_close(rows.double(), expected, atol=tolerance(largest + 12), rtol=0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("order", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("kind", ["renyi", "tsallis"])
@pytest.mark.parametrize("hidden", ["bool", "inf", "finfo", "half"])
def test_row_without_a_key_is_nan_and_no_other_row(
    method: str, order: float, kind: str, hidden: str, draw: Any
) -> None:
    query, key = draw(2, 2, 5, 8), draw(2, 2, 6, 8)
    mask = torch.ones(2, 1, 5, 6, dtype=torch.bool)
    mask[0, :, 2] = False
    lowest = {"inf": -math.inf, "finfo": torch.finfo(torch.float32).min, "half": -65504.0}
    given = mask if hidden == "bool" else torch.where(mask, 0.0, lowest[hidden])
    given = given.half() if hidden == "half" else given
    rows = hv.attention_entropy(query, key, mask=given, order=order, kind=kind, method=method)  # type: ignore[arg-type]
    assert torch.equal(rows.isnan(), ~mask.any(-1).expand(2, 2, 5))


@pytest.mark.parametrize("method", METHODS)
def test_causal_with_left_padding_has_rows_without_a_key(method: str, draw: Any) -> None:
    query, key = draw(1, 2, 6, 4), draw(1, 2, 6, 4)
    padding = (torch.arange(6) >= 3)[None, None, None]
    rows = hv.attention_entropy(query, key, mask=padding, causal=True, method=method)
    assert rows[..., :3].isnan().all()
    assert torch.equal(rows[..., 3], torch.zeros(1, 2))
    assert (rows[..., 4:] > 0).all()


@pytest.mark.parametrize("method", METHODS)
def test_input_that_is_not_finite_makes_its_own_row_nan_without_an_error(method: str, draw: Any) -> None:
    query, key = draw(1, 2, 5, 4), draw(1, 2, 5, 4)
    query[0, 0, 1, 2], query[0, 1, 3, 0] = math.nan, math.inf
    for order in (1.0, 2.0):
        rows = hv.attention_entropy(query, key, order=order, method=method)
        assert rows.isnan().nonzero().tolist() == [[0, 0, 1], [0, 1, 3]]


@pytest.mark.parametrize("shape", [(7,), (5, 7), (1, 7), (2, 1, 1, 7), (2, 1, 5, 7), (2, 3, 5, 7), (1, 3, 1, 1)])
@pytest.mark.parametrize("method", METHODS)
def test_mask_of_any_shape_that_broadcasts_is_taken(shape: tuple[int, ...], method: str, draw: Any) -> None:
    query, key = draw(2, 3, 5, 8), draw(2, 3, 7, 8)
    mask = torch.rand(shape, generator=torch.Generator().manual_seed(2)) < 0.7
    expected, largest = reference_rows(query, key, mask=mask)
    rows = hv.attention_entropy(query, key, mask=mask, method=method)
    torch.testing.assert_close(rows.double(), expected, atol=tolerance(largest), rtol=0, equal_nan=True)


def test_prepared_mask_gives_the_same_for_every_layer(draw: Any) -> None:
    padding = (torch.arange(9) >= torch.tensor([[0], [4]]))[:, None, None].expand(2, 1, 9, 9)
    prepared = prepare_mask(padding)
    assert prepared is not None
    assert prepared.additive is not None
    assert prepared.additive.shape == (2, 1, 1, 9)  # equal rows are kept as one
    for _ in range(2):
        query, key = draw(2, 3, 9, 4), draw(2, 3, 9, 4)
        assert torch.equal(row_entropy(query, key, prepared).values, hv.attention_entropy(query, key, mask=padding))
        causal = row_entropy(query, key, prepared, causal=True).values
        alone = hv.attention_entropy(query, key, mask=padding, causal=True)
        assert alone[1, :, :4].isnan().all()
        assert torch.equal(causal.nan_to_num(-1), alone.nan_to_num(-1))


# --- paths -------------------------------------------------------------------------------------------------------


def test_path_reported_is_the_path_run(monkeypatch: pytest.MonkeyPatch, draw: Any) -> None:
    query, key = draw(2, 3, 20, 8), draw(2, 3, 20, 8)
    mask = (torch.arange(20) < torch.tensor([[20], [6]]))[:, None, None]
    with_kernel = row_entropy(query, key, mask)
    assert with_kernel.path == "fused"
    monkeypatch.setattr(kernel, "FUSED", None)
    without = row_entropy(query, key, mask)
    assert without.path == "tiled"
    torch.testing.assert_close(without.values, with_kernel.values, atol=1e-5, rtol=0)
    with pytest.raises(hv.ScoreError, match="method='auto'"):
        row_entropy(query, key, mask, method="fused")


def test_bias_is_refused_by_the_fused_path_and_sent_to_tiles_by_auto(draw: Any) -> None:
    query, key, alibi = draw(1, 2, 6, 4), draw(1, 2, 6, 4), _alibi(2, 6, 6)
    assert row_entropy(query, key, alibi).path == "tiled"
    with pytest.raises(hv.ScoreError, match="finite entries"):
        row_entropy(query, key, alibi, method="fused")


def test_order_zero_only_counts_keys(draw: Any) -> None:
    query, key = draw(1, 2, 4, 3, size=40), draw(1, 2, 6, 3, size=40)
    mask = torch.tensor([True, False, True, True, True, True])
    rows, path = row_entropy(query, key, mask, causal=True, order=0)
    assert path == "count"
    torch.testing.assert_close(rows[0, 1], torch.tensor([1.0, 1.0, 2.0, 3.0]).log())


@pytest.mark.parametrize("order", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("causal", [False, True])
def test_output_and_entropy_together_equal_each_alone(order: float, causal: bool, draw: Any) -> None:
    query, key, value = draw(2, 4, 90, 16), draw(2, 2, 90, 16), draw(2, 2, 90, 5)
    mask = torch.arange(90) >= torch.tensor([[0], [3]])
    both = attention_with_entropy(query, key, value, mask=mask[:, None, None], causal=causal, order=order)
    alone = hv.attention_entropy(query, key, mask=mask[:, None, None], causal=causal, order=order)
    torch.testing.assert_close(both.entropy, alone, atol=1e-5, rtol=0, equal_nan=True)
    allowed = mask[:, None, None].expand(2, 1, 90, 90)
    allowed = allowed.tril() if causal else allowed
    output = scaled_dot_product_attention(query, key, value, attn_mask=allowed, enable_gqa=True)
    usable = allowed.any(-1).expand(2, 4, 90)
    torch.testing.assert_close(both.output[usable], output[usable], atol=1e-5, rtol=0)
    assert torch.equal(both.output[~usable], torch.zeros_like(both.output[~usable]))


def test_no_gradient_flows_and_the_inputs_stay_as_they_are(draw: Any) -> None:
    query, key = draw(1, 2, 5, 4).requires_grad_(), draw(1, 2, 5, 4).requires_grad_()
    before = query.detach().clone(), key.detach().clone()
    for method in METHODS:
        assert not hv.attention_entropy(query, key, method=method).requires_grad
    assert torch.equal(query, before[0])
    assert torch.equal(key, before[1])


@pytest.mark.parametrize("shape", [(0, 2, 4, 8), (2, 3, 0, 8)])
def test_empty_input_gives_an_empty_result(shape: tuple[int, ...]) -> None:
    query = torch.zeros(shape)
    assert hv.attention_entropy(query, query).shape == shape[:3]
    assert hv.attention_entropy(torch.zeros(1, 1, 2, 8), torch.zeros(1, 1, 0, 8)).isnan().all()


# --- refusals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "key", "options", "says"),
    [
        ((1, 2, 4, 8), (2, 2, 4, 8), {}, "same B and d"),
        ((1, 2, 4, 8), (1, 2, 4, 7), {}, "same B and d"),
        ((2, 4, 8), (2, 4, 8), {}, "pass \\(B, H, n, d\\)"),
        ((1, 3, 4, 8), (1, 2, 4, 8), {}, "multiple"),
        ((1, 2, 4, 8), (1, 2, 4, 8), {"order": -1.0}, "order"),
        ((1, 2, 4, 8), (1, 2, 4, 8), {"order": math.nan}, "order"),
        ((1, 2, 4, 8), (1, 2, 4, 8), {"kind": "shannon"}, "kind"),
        ((1, 2, 4, 8), (1, 2, 4, 8), {"kind": "tsallis", "order": math.inf}, "finite order"),
        ((1, 2, 4, 8), (1, 2, 4, 8), {"method": "eager"}, "method"),
        ((1, 2, 4, 8), (1, 2, 4, 8), {"method": "fused", "order": math.inf}, "method='auto'"),
        ((1, 2, 4, 8), (1, 2, 4, 8), {"mask": torch.ones(3, 4, dtype=torch.bool)}, "does not broadcast"),
        ((1, 2, 4, 8), (1, 2, 4, 8), {"mask": torch.ones(4, 4, dtype=torch.int64)}, "bool mask"),
        ((1, 2, 4, 8), (1, 2, 4, 8), {"mask": torch.ones(1, 1, 1, 4, 4)}, "broadcasts"),
    ],
)
def test_input_that_does_not_fit_is_refused_with_what_to_pass(
    query: tuple[int, ...], key: tuple[int, ...], options: dict[str, Any], says: str
) -> None:
    with pytest.raises(hv.ScoreError, match=says):
        hv.attention_entropy(torch.ones(query), torch.ones(key), **options)


def test_integer_tensors_are_refused() -> None:
    with pytest.raises(hv.ScoreError, match="floating point"):
        hv.attention_entropy(torch.ones(1, 1, 2, 2, dtype=torch.int64), torch.ones(1, 1, 2, 2))
