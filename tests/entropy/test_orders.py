"""Renyi and Tsallis entropies of every order, on every path."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

import headviz as hv
from headviz.entropy import row_entropy
from tests.entropy.reference import reference_rows, tolerance

ORDERS = (0.0, 0.1, 0.25, 0.5, 0.76, 0.9, 0.9999, 1.0, 1.0001, 1.1, 1.24, 1.26, 1.5, 2.0, 10.0, 1e6, math.inf)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("size", [1.0, 4.0])
@pytest.mark.parametrize("method", ["auto", "tiled", "matrix"])
def test_renyi_entropy_of_every_order_agrees_with_float64(order: float, size: float, method: str, draw: Any) -> None:
    query, key = draw(2, 4, 70, 32, size=size), draw(2, 4, 300, 32, size=size)
    expected, largest = reference_rows(query, key, order=order)
    rows = hv.attention_entropy(query, key, order=order, method=method)  # type: ignore[arg-type]
    torch.testing.assert_close(rows.double(), expected, atol=tolerance(largest), rtol=0)


@pytest.mark.parametrize("order", [0.1, 0.25, 0.5, 0.76, 0.9, 0.99, 1.01, 1.1, 1.24, 1.26, 2.0, 10.0])
@pytest.mark.parametrize("size", [1.0, 4.0])
def test_fused_orders_hold_the_same_precision_on_both_sides_of_the_switch(order: float, size: float, draw: Any) -> None:
    query, key = draw(2, 4, 70, 32, size=size), draw(2, 4, 300, 32, size=size)
    expected, largest = reference_rows(query, key, order=order)
    rows, path = row_entropy(query, key, order=order, method="fused")
    assert path == "fused"
    torch.testing.assert_close(rows.double(), expected, atol=tolerance(largest), rtol=0)


@pytest.mark.parametrize("order", [0.0, 0.25, 0.5, 0.9, 1.0, 1.1, 2.0, 10.0])
@pytest.mark.parametrize("method", ["auto", "tiled", "matrix"])
def test_tsallis_entropy_agrees_with_float64(order: float, method: str, draw: Any) -> None:
    query, key = draw(2, 4, 70, 32), draw(2, 4, 300, 32)
    expected, largest = reference_rows(query, key, order=order, kind="tsallis")
    rows = hv.attention_entropy(query, key, order=order, kind="tsallis", method=method)  # type: ignore[arg-type]
    # Below 1 it grows like n^(1 - q), and its rounding with it.
    limit = tolerance(largest) * max(1.0, expected.max().item())
    torch.testing.assert_close(rows.double(), expected, atol=limit, rtol=0)


def test_entropy_falls_with_the_order_and_stays_above_half_of_order_two(draw: Any) -> None:
    query, key = draw(2, 4, 50, 16, size=2), draw(2, 4, 50, 16, size=2)
    curve = torch.stack([hv.attention_entropy(query, key, order=order) for order in ORDERS])
    assert (curve.diff(dim=0) <= 2e-5).all()
    assert (curve[-1] >= curve[ORDERS.index(2.0)] / 2 - 2e-5).all()


def test_order_two_is_minus_the_log_of_the_sum_of_squares(draw: Any) -> None:
    query, key = draw(1, 2, 9, 4), draw(1, 2, 9, 4)
    p = (query @ key.transpose(-1, -2) / 2).softmax(-1)
    collision = p.square().sum(-1)
    torch.testing.assert_close(hv.attention_entropy(query, key, order=2), -collision.log(), atol=1e-5, rtol=0)
    tsallis = hv.attention_entropy(query, key, order=2, kind="tsallis")
    torch.testing.assert_close(tsallis, 1 - collision, atol=1e-5, rtol=0)
