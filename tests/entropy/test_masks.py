"""Counting keys from masks."""

from __future__ import annotations

import math

import pytest
import torch

from headviz.entropy import prepare_mask, visible_keys
from headviz.entropy.masks import attend


def test_visible_keys_without_a_mask_are_all_keys_of_real_queries() -> None:
    real = torch.tensor([[True, True, True], [True, True, False]])
    assert visible_keys(None, real).tolist() == [[3, 3, 3], [3, 3, 0]]
    assert visible_keys(None, real, causal=True).tolist() == [[1, 2, 3], [1, 2, 0]]
    assert visible_keys(None, real, keys=7).tolist() == [[7, 7, 7], [7, 7, 0]]


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("rows", [1, 4])
@pytest.mark.parametrize("additive", [None, -math.inf, torch.finfo(torch.float32).min, -1e9])
def test_visible_keys_with_padding_are_the_real_ones(left: bool, rows: int, additive: float | None) -> None:
    real = torch.tensor([[True] * 4, [False, True, True, True] if left else [True, True, True, False]])
    mask = real[:, None, None].expand(2, 1, rows, 4)
    if additive is not None:
        mask = torch.where(mask, 0.0, additive)
    padded = [0, 3, 3, 3] if left else [3, 3, 3, 0]
    growing = [0, 1, 2, 3] if left else [1, 2, 3, 0]
    for given in (mask, prepare_mask(mask)):
        assert visible_keys(given, real).tolist() == [[4] * 4, padded]
        assert visible_keys(given, real, causal=True).tolist() == [[1, 2, 3, 4], growing]


def test_visible_keys_of_a_window_differ_by_row() -> None:
    place = torch.arange(5)
    window = ((place[:, None] - place).abs() <= 1)[None, None]
    real = torch.ones(2, 5, dtype=torch.bool)
    assert visible_keys(window, real).tolist() == [[2, 3, 3, 3, 2]] * 2
    assert visible_keys(window, real, causal=True).tolist() == [[1, 2, 2, 2, 2]] * 2


def test_visible_keys_that_differ_by_head_keep_the_head() -> None:
    mask = torch.tensor([[True, True, False], [True, False, False]])[None, :, None]
    assert visible_keys(mask, torch.ones(1, 3, dtype=torch.bool)).tolist() == [[[2, 2, 2], [1, 1, 1]]]


def test_prepared_mask_knows_bias_and_rows_without_a_key() -> None:
    hidden = torch.zeros(1, 1, 3, 4)
    hidden[:, :, 1] = -math.inf
    prepared = prepare_mask(hidden)
    assert prepared is not None
    assert not prepared.biased
    assert prepared.empty is not None
    assert prepared.empty.flatten().tolist() == [False, True, False]
    hidden[0, 0, 0, 2] = -0.5
    biased = prepare_mask(hidden)
    assert biased is not None
    assert biased.biased
    assert biased.additive is None
    assert prepare_mask(None) is None


def test_prepared_mask_of_a_long_text_is_not_copied_into_floats() -> None:
    allowed = torch.ones(1, 1, 4200, 4200, dtype=torch.bool).tril()
    prepared = prepare_mask(allowed)
    assert prepared is not None
    assert prepared.additive is None
    assert not prepared.biased


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_lowest_number_of_every_type_hides_and_an_ordinary_bias_does_not(dtype: torch.dtype) -> None:
    entries = torch.tensor([0.0, -10000.0, torch.finfo(dtype).min, -math.inf, math.nan], dtype=dtype)
    assert attend(entries).tolist() == [True, True, False, False, True]
