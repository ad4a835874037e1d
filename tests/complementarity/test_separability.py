"""Jeffries-Matusita distances: values worked out by hand, numerical integration, and the options."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headviz.complementarity.separability import cells_in_use, jm_features


def jm_of(one: tuple[float, float], other: tuple[float, float], **options: float | str) -> float:
    mean = np.array([[[[one[0]]], [[other[0]]]]])
    variance = np.array([[[[one[1]]], [[other[1]]]]])
    return float(jm_features(mean, variance, eps=options.pop("eps", 0.0), **options)[0, 0])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((0, 1), (1, 1), 0.235006195),
        ((0, 1), (1, 4), 0.298389076),
        ((0.2, 0.01), (0.5, 0.04), 0.859376087),
        ((3, 2), (3, 2), 0.0),
    ],
)
def test_jm_of_two_normals_equals_the_known_value(
    one: tuple[float, float], other: tuple[float, float], expected: float
) -> None:
    assert jm_of(one, other) == pytest.approx(expected, abs=1e-7)
    assert jm_of(other, one) == pytest.approx(expected, abs=1e-7)
    assert jm_of(one, other, jm="root") == pytest.approx(math.sqrt(expected), abs=1e-6)


def test_an_eighth_with_the_sum_of_variances_halves_the_mean_term() -> None:
    assert jm_of((0, 1), (1, 4), coefficient=0.125) == pytest.approx(0.25531259, abs=1e-7)


@given(st.floats(-2, 2), st.floats(0.05, 3), st.floats(0.05, 3))
def test_jm_equals_the_integral_of_the_root_of_both_densities(distance: float, variance: float, other: float) -> None:
    x = np.linspace(-30, 30, 200_001)
    density = np.exp(-(x**2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)
    density_other = np.exp(-((x - distance) ** 2) / (2 * other)) / math.sqrt(2 * math.pi * other)
    integral = float(np.sqrt(density * density_other).sum() * (x[1] - x[0]))
    assert jm_of((0, variance), (distance, other)) == pytest.approx(2 * (1 - integral), abs=1e-6)


@pytest.mark.parametrize(("eps", "expected"), [(1e-12, 1.91), (1e-8, 1.11), (1e-6, 0.06)])
def test_floor_keeps_a_cell_that_is_constant_in_one_class_from_saturating(eps: float, expected: float) -> None:
    assert jm_of((0, 0), (0, 1e-6), eps=eps) == pytest.approx(expected, abs=0.01)


def test_floor_of_the_reference_only_raises_what_lies_below_it() -> None:
    assert jm_of((0, 0.5), (1, 0.5), eps=0.1, eps_rule="max") == jm_of((0, 0.5), (1, 0.5))
    assert jm_of((0, 0.01), (1, 0.5), eps=0.1, eps_rule="max") == jm_of((0, 0.1), (1, 0.5))


def test_features_run_over_pairs_then_cells() -> None:
    generator = np.random.default_rng(0)
    mean, variance = generator.random((2, 3, 4, 4)), generator.random((2, 3, 4, 4))
    features = jm_features(mean, variance, eps=1e-6)
    assert features.shape == (2, 3 * 16) and features.dtype == np.float32
    pairs = [(0, 1), (0, 2), (1, 2)]
    for pair, cell in [(0, 0), (1, 5), (2, 15)]:
        c, d = pairs[pair]
        place = divmod(cell, 4)
        expected = jm_of(
            (mean[1, c][place], variance[1, c][place]), (mean[1, d][place], variance[1, d][place]), eps=1e-6
        )
        assert features[1, pair * 16 + cell] == pytest.approx(expected, abs=1e-6)


def test_cells_that_are_zero_everywhere_are_not_in_use() -> None:
    mean = np.ones((2, 2, 3, 3)) * np.tril(np.ones((3, 3)))
    assert (
        cells_in_use(mean, np.zeros_like(mean)).reshape(3, 3).tolist() == np.tril(np.ones((3, 3))).astype(bool).tolist()
    )
