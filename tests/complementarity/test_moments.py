"""Streamed moments against two passes over everything at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from headviz.complementarity.moments import Moments


def values_of(examples: int, heads: int = 3, cells: int = 5) -> np.ndarray:
    generator = np.random.default_rng(0)
    values = generator.gamma(0.2, 1, (examples, heads, cells))
    values[:, 0, 0] = 0.04 + 1e-5 * generator.standard_normal(examples)  # nearly constant: variance 1e-10
    return values


@pytest.mark.parametrize("batch", [1, 7, 32])
def test_streamed_moments_equal_two_passes_for_any_batch_size(batch: int) -> None:
    values = values_of(60)
    classes = np.arange(60) % 3
    moments = Moments(np.eye(3)[classes], 3, 5)
    for start in range(0, 60, batch):
        rows = np.arange(start, min(start + batch, 60))
        moments.add(rows, 0, torch.as_tensor(values[rows, :2]))  # heads 0 and 1 are one layer, head 2 the next
        moments.add(rows, 2, torch.as_tensor(values[rows, 2:]))
    mean, variance = moments.result()
    for number in range(3):
        np.testing.assert_allclose(mean[number], values[classes == number].mean(0), rtol=1e-9)
        np.testing.assert_allclose(variance[number], values[classes == number].var(0, ddof=1), rtol=1e-9)


def test_weights_count_examples_as_often_as_they_say() -> None:
    values = values_of(10)
    weights = np.array([[3.0], [0], [1], [0], [0], [2], [0], [0], [1], [1]])
    moments = Moments(weights, 3, 5)
    moments.add(np.arange(10), 0, torch.as_tensor(values))
    repeated = np.repeat(values, weights[:, 0].astype(int), axis=0)
    mean, variance = moments.result(ddof=0)
    np.testing.assert_allclose(mean[0], repeated.mean(0), rtol=1e-9)
    np.testing.assert_allclose(variance[0], repeated.var(0), rtol=1e-9)


def test_group_with_too_few_examples_is_nan() -> None:
    moments = Moments(np.array([[1.0, 0, 0], [0, 1, 0], [0, 1, 0]]), 3, 5)
    moments.add(np.arange(3), 0, torch.as_tensor(values_of(3)))
    mean, variance = moments.result()
    assert np.isfinite(mean[:2]).all() and np.isnan(mean[2]).all()
    assert np.isnan(variance[0]).all() and np.isfinite(variance[1]).all()
