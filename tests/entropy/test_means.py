"""Averages over usable rows, checked on paper; and attention of a small encoder, padded and alone."""

from __future__ import annotations

import math

import pytest
import torch

from headviz.entropy import mean_entropy, row_entropy, row_weights, visible_keys, weighted_mean
from headviz.entropy.means import largest_entropy


def test_uniform_rows_average_to_one_and_sharp_rows_to_zero() -> None:
    visible = torch.full((2, 5), 5)
    uniform = torch.full((2, 3, 5), math.log(5))
    assert torch.equal(mean_entropy(uniform, visible), torch.ones(2, 3))
    assert torch.equal(mean_entropy(torch.zeros(2, 3, 5), visible), torch.zeros(2, 3))
    half = mean_entropy(torch.full((2, 3, 5), math.log(2)), visible)
    torch.testing.assert_close(half, torch.full((2, 3), math.log(2) / math.log(5)))


def test_rows_with_one_key_are_left_out_and_not_counted_as_zero() -> None:
    visible = torch.tensor([[1, 2, 3, 4]])
    values = visible.log()[:, None]
    assert mean_entropy(values, visible).item() == pytest.approx(1.0)
    raw = mean_entropy(values, visible, normalised=False).item()
    assert raw == pytest.approx((math.log(2) + math.log(3) + math.log(4)) / 3)


def test_example_without_a_row_of_two_keys_is_nan_and_only_that_one() -> None:
    visible = torch.tensor([[1, 0, 0], [2, 2, 0]])
    values = torch.tensor([[[0.0, math.nan, math.nan]] * 2, [[0.3, 0.5, math.nan]] * 2])
    for normalised in (True, False):
        mean = mean_entropy(values, visible, normalised=normalised)
        assert mean.isnan().tolist() == [[True, True], [False, False]]
    assert mean[1, 0].item() == pytest.approx(0.4)


def test_row_that_is_nan_and_counts_makes_the_mean_nan() -> None:
    mean = mean_entropy(torch.tensor([[[0.1, math.nan]]]), torch.tensor([[2, 2]]))
    assert mean.isnan().all()


def test_rounding_beyond_the_range_is_clamped() -> None:
    visible = torch.full((1, 2), 4)
    assert mean_entropy(torch.full((1, 1, 2), math.log(4) + 1e-6), visible).item() == 1.0
    assert mean_entropy(torch.full((1, 1, 2), -1e-7), visible).item() == 0.0
    assert mean_entropy(torch.full((1, 1, 2), -1e-7), visible, normalised=False).item() == 0.0


@pytest.mark.parametrize("order", [0.5, 1.0, 2.0, math.inf])
def test_uniform_rows_average_to_one_in_every_order(order: float) -> None:
    query, key = torch.zeros(1, 2, 6, 4), torch.randn(1, 2, 6, 4, generator=torch.Generator().manual_seed(1))
    real = torch.ones(1, 6, dtype=torch.bool)
    visible = visible_keys(None, real)
    renyi = row_entropy(query, key, order=order).values
    torch.testing.assert_close(mean_entropy(renyi, visible, order=order), torch.ones(1, 2), atol=1e-6, rtol=0)
    if not math.isinf(order):
        tsallis = row_entropy(query, key, order=order, kind="tsallis").values
        mean = mean_entropy(tsallis, visible, order=order, kind="tsallis")
        torch.testing.assert_close(mean, torch.ones(1, 2), atol=1e-6, rtol=0)


def test_largest_entropy_of_order_two_is_known() -> None:
    keys = torch.tensor([2, 5])
    assert largest_entropy(keys, order=2).tolist() == pytest.approx([math.log(2), math.log(5)])
    assert largest_entropy(keys, order=2, kind="tsallis").tolist() == pytest.approx([0.5, 0.8])


def test_weights_made_once_give_the_same_mean() -> None:
    visible = torch.tensor([[3, 3, 3], [2, 2, 0]])
    values = torch.rand(2, 4, 3, generator=torch.Generator().manual_seed(1))
    once = weighted_mean(values, row_weights(visible))
    assert torch.equal(once, mean_entropy(values, visible))
    by_head = weighted_mean(values, row_weights(visible[:, None].expand(2, 4, 3)))
    torch.testing.assert_close(by_head, once)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("window", [None, 3])
def test_mean_of_a_padded_batch_equals_each_text_alone(
    dtype: torch.dtype, left: bool, causal: bool, window: int | None
) -> None:
    generator = torch.Generator().manual_seed(9)
    lengths, longest = (1, 2, 7, 12), 12
    query, key = (torch.randn(4, 3, longest, 8, generator=generator, dtype=dtype) for _ in range(2))
    place = torch.arange(longest)
    near = torch.ones(longest, longest, dtype=torch.bool) if window is None else (place[:, None] - place).abs() < window
    parts = [slice(longest - n, longest) if left else slice(0, n) for n in lengths]
    real = torch.zeros(4, longest, dtype=torch.bool)
    for row, part in enumerate(parts):
        real[row, part] = True
    mask = real[:, None, None] & near
    values = row_entropy(query, key, mask, causal=causal).values
    together = mean_entropy(values, visible_keys(mask, real, causal))
    for row, part in enumerate(parts):
        alone_mask = near[: lengths[row], : lengths[row]][None, None]
        alone = row_entropy(query[row : row + 1, :, part], key[row : row + 1, :, part], alone_mask, causal=causal)
        one = torch.ones(1, lengths[row], dtype=torch.bool)
        expected = mean_entropy(alone.values, visible_keys(alone_mask, one, causal))[0]
        limit = 1e-12 if dtype == torch.float64 else 1e-6
        torch.testing.assert_close(together[row], expected, atol=limit, rtol=0, equal_nan=True)
        assert expected.isnan().all() == (lengths[row] == 1)
