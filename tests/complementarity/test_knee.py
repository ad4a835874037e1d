"""Knees: a curve of known form, what kneed does at the edges, planted groups, and the knees of a real model."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import headviz as hv
from headviz.complementarity.knee import fewest_within, find_knee, fit, peak_knee
from headviz.complementarity.medoids import all_medoids, nearest_medoid
from headviz.complementarity.silhouette import simplified_silhouette

K = np.arange(2, 72)
ROOT = 1 - K**-0.5
KNEES = {1: None, 2: 34, 3: 24, 4: 19, 5: 16, 6: 14, 7: 13, 8: 13, None: 15}


@pytest.fixture(autouse=True)
def _no_warnings() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def own_curve(distances: np.ndarray) -> np.ndarray:
    found = all_medoids(distances, len(distances) - 1)[1:]
    return np.array([simplified_silhouette(distances, nearest_medoid(distances, m), m) for m in found])


def on_plane(points: np.ndarray) -> np.ndarray:
    return np.sqrt(((points[:, None] - points) ** 2).sum(axis=-1))


@pytest.mark.parametrize(("degree", "knee"), KNEES.items())
def test_knee_of_the_bare_curve_is_the_known_one(degree: int | None, knee: int | None) -> None:
    found = hv.find_knee(K, ROOT, degree)
    assert found == knee and (found is None or type(found) is int)


def test_lists_and_arrays_have_the_same_knee() -> None:
    assert find_knee(K.tolist(), ROOT.tolist(), np.int64(6)) == 14


DEGREES = (None, *range(1, 9))


@pytest.mark.parametrize("degree", DEGREES)
@pytest.mark.parametrize(
    "curve",
    [
        np.ones(70),
        np.full(70, 0.1 + 0.2),
        K**2.0,
        -ROOT,
        np.where(K == 9, np.nan, ROOT),
        np.where(K == 9, np.inf, ROOT),
    ],
    ids=["constant", "constant with rounding", "convex", "decreasing", "gap", "infinite"],
)
def test_curve_without_a_bend_has_no_knee(curve: np.ndarray, degree: int | None) -> None:
    assert find_knee(K, curve, degree) is None


@pytest.mark.parametrize("degree", DEGREES)
def test_five_points_have_no_knee_and_no_fit(degree: int | None) -> None:
    assert find_knee(K[:5], ROOT[:5], degree) is None
    fitted, difference = fit(K[:5], ROOT[:5], degree)
    assert np.isnan(fitted).all() and np.isnan(difference).all() and len(fitted) == len(difference) == 5


@pytest.mark.parametrize("degree", [2, 5, 6, 7, 8])
def test_six_points_have_a_knee_at_any_degree_without_a_warning(degree: int) -> None:
    assert find_knee(K[:6], ROOT[:6], degree) in (3, 4)


def test_knee_at_an_end_is_none() -> None:
    assert find_knee(np.arange(8), np.array([0.0, 1, 1, 1, 1, 1, 1, 1]), None) == 1
    assert find_knee(np.arange(8), np.array([0.9, 1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4]), None) in (None, 1)
    assert find_knee(np.arange(8), np.arange(8)[::-1].astype(float), None) is None


@pytest.mark.parametrize("degree", [0, 9, 2.0, True, "6", np.nan])
def test_degree_outside_one_to_eight_is_refused(degree: Any) -> None:
    for function in (find_knee, fit, peak_knee):
        with pytest.raises(hv.ScoreError, match="from 1 to 8"):
            function(K, ROOT, degree)


def test_numbers_of_heads_that_do_not_rise_are_refused() -> None:
    for k in ([2, 2, 3], [3, 2, 1], [1, 2], [[1, 2, 3]]):
        with pytest.raises(hv.ScoreError):
            find_knee(k, [0.1, 0.2, 0.3], 2)


def test_fit_gives_the_polynomial_in_the_curves_own_units_and_the_scaled_difference() -> None:
    fitted, difference = fit(K, ROOT, 3)
    expected = np.polynomial.Polynomial.fit(K, ROOT, 3)(K)
    np.testing.assert_allclose(fitted, expected, atol=1e-9)
    above = (expected - expected.min()) / np.ptp(expected) - (K - 2) / 69
    np.testing.assert_allclose(difference, above, atol=1e-8)
    assert K[difference.argmax()] == KNEES[3]


def test_fit_without_smoothing_is_the_curve_itself() -> None:
    fitted, difference = fit(K, ROOT, None)
    np.testing.assert_array_equal(fitted, ROOT)
    assert K[difference.argmax()] == KNEES[None]


@given(st.lists(st.floats(-1, 1), min_size=6, max_size=30), st.sampled_from(DEGREES))
def test_knee_of_any_curve_is_an_inner_point_or_none(curve: list[float], degree: int | None) -> None:
    k = range(2, 2 + len(curve))
    for found in (find_knee(k, curve, degree), peak_knee(k, curve, degree)):
        assert found is None or k[0] < found < k[-1]


def test_planted_groups_are_found_without_smoothing() -> None:
    rng = np.random.default_rng(0)
    angle = np.arange(12) * (np.pi / 6)
    centres = np.stack([np.cos(angle), np.sin(angle)], axis=1) * 10
    points = np.repeat(centres, 6, axis=0) + rng.normal(scale=0.05, size=(72, 2))
    assert find_knee(K, own_curve(on_plane(points)), None) == 12


@pytest.mark.parametrize("degree", [4, 6, 8])
def test_peak_of_quality_that_stays_flat_before_it_rises_is_behind_the_rise(degree: int) -> None:
    quality = 0.3 + 0.2 / (1 + np.exp(-(K - 0.3 * 72) / 5))
    found = peak_knee(K, quality, degree)
    assert found is not None and 22 < found < 45
    assert find_knee(K, quality, degree) in (None, 2, 3)


@pytest.mark.parametrize("degree", [2, 3, 4, 5])
def test_peak_and_kneed_agree_on_a_concave_curve(degree: int) -> None:
    assert peak_knee(K, ROOT, degree) == KNEES[degree]


def test_peak_counts_a_degree_above_five_as_five() -> None:
    assert peak_knee(K, ROOT, 8) == peak_knee(K, ROOT, 5) == KNEES[5]


def test_peak_of_a_straight_flat_short_or_broken_curve_is_none() -> None:
    assert peak_knee(K, K / 100, 3) is None
    assert peak_knee(K, np.full(70, 0.1 + 0.2), 3) is None
    assert peak_knee(K, ROOT, 1) is None
    assert peak_knee([2, 4], [0.1, 0.2], 2) is None
    assert peak_knee([2, 4, 6], [0.1, np.nan, 0.3], 2) is None


def test_peak_below_two_hundredths_is_none() -> None:
    assert peak_knee([0, 5, 10], [0.0, 0.515, 1.0], None) is None
    assert peak_knee([0, 5, 10], [0.0, 0.525, 1.0], None) == 5


def test_fewest_heads_within_a_point_are_read_off_the_rising_fit() -> None:
    # The lucky 0.50 at 20 heads is averaged with the 0.46 behind it: 0.48.
    k, quality = [10, 20, 30, 40, 50, 72], [0.30, 0.50, 0.46, 0.49, 0.495, 0.50]
    assert fewest_within(k, quality) == 40
    assert fewest_within(k, quality, 0.02) == 20
    assert fewest_within(k, quality, 0.0) == 72
    assert fewest_within(k, [0.6, 0.5, 0.5, 0.5, 0.5, 0.5]) == 10


def test_fewest_heads_of_gaps_and_negative_points_are_refused() -> None:
    with pytest.raises(hv.ScoreError, match="every number of heads"):
        fewest_within([1, 2], [0.5, np.nan])
    with pytest.raises(hv.ScoreError, match="points"):
        fewest_within([1, 2], [0.5, 0.6], -0.1)


def test_knees_on_the_measured_plane_are_the_known_ones(shared: Path) -> None:
    known = np.load(shared / "data" / "cahp" / "reference.npz")
    plane = known["plane_reference"].astype(np.float64)
    degrees = [int(degree) or None for degree in known["degree"]]
    found = [find_knee(known["k"], known["mss_reference"], degree) for degree in degrees]
    assert found == known["knee_reference"].tolist()
    own = own_curve(on_plane(plane))
    for degree, knee in zip(degrees, known["knee_build"], strict=True):
        ours = find_knee(known["k"], own, degree)
        assert ours is not None and (degree is None or abs(ours - knee) <= 1)
