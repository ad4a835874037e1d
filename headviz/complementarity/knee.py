"""The number of heads at the knee of a curve: by kneed for silhouettes, by a peak for measured quality.

Both follow Kneedle (Satopaa et al. 2011): the knee is where a smoothed curve, scaled to the unit square, rises
furthest above the diagonal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from headviz.errors import ScoreError

MOST_DEGREE = 8
_FEWEST_POINTS = 6  # kneed finds no knee in fewer
_LEAST_RANGE = 1e-9
_MOST_QUALITY_DEGREE = 5  # above it a polynomial runs through a dozen points, noise included
_LEAST_PEAK = 0.02

_Numbers = Sequence[float] | np.ndarray


def find_knee(k: _Numbers, curve: _Numbers, degree: int | None) -> int | None:
    """The number of clusters at the knee of ``curve`` (K,) over ``k`` (K,), by kneed on a fit; None where it has none.

    ``degree``: of the polynomial, 1 to 8; None takes the curve as it is. There is no knee in a curve that is flat
    (range below 1e-9), has gaps (NaN) or fewer than 6 points, none at the first and the last point, and none at degree
    1, for a straight line has no bend: what kneed returns there comes from rounding.

    Raises ScoreError for another degree, or numbers of clusters that do not rise.
    """
    k, curve, degree = _checked(k, curve, degree)
    if degree == 1 or not _fits(curve):
        return None
    knee = _located(k, curve, degree).knee
    return None if knee is None or knee in (k[0], k[-1]) else int(knee)


def fit(k: _Numbers, curve: _Numbers, degree: int | None) -> tuple[np.ndarray, np.ndarray]:
    """What `find_knee` looks at: the fitted curve in its own units, and how far it lies above the diagonal, scaled.

    Both (K,) float64; NaN where nothing can be fitted (a flat curve, gaps, fewer than 6 points).
    """
    k, curve, degree = _checked(k, curve, degree)
    if not _fits(curve):
        return np.full(len(k), np.nan), np.full(len(k), np.nan)
    located = _located(k, curve, degree)
    return np.asarray(located.Ds_y, dtype=np.float64), np.asarray(located.y_difference, dtype=np.float64)


def peak_knee(k: _Numbers, quality: _Numbers, degree: int | None) -> int | None:
    """The number of heads at the knee of measured ``quality`` (K,) over kept heads ``k`` (K,); None: no knee.

    The highest peak of the scaled fit above the diagonal, at least 0.02 high and not at an end. kneed takes the first
    peak instead, which is the first point where quality stays at the level of guessing before it rises. Degrees above 5
    count as 5; None takes the measurements as they are. Raises ScoreError as `find_knee` does.
    """
    k, quality, degree = _checked(k, quality, degree)
    if len(k) < 3 or not _has_range(quality):
        return None
    fitted = quality_fit(k, quality, degree)
    if not _has_range(fitted):
        return None
    above = _unit(fitted) - _unit(k)
    middle = above[1:-1]
    peaks = np.flatnonzero((middle > above[:-2]) & (middle >= above[2:]) & (middle >= _LEAST_PEAK)) + 1
    return int(k[peaks[above[peaks].argmax()]]) if len(peaks) else None


def quality_fit(k: np.ndarray, quality: np.ndarray, degree: int | None) -> np.ndarray:
    """The polynomial of ``degree``, at most 5, through measured ``quality`` (K,) over ``k``; None: as it is."""
    if degree is None:
        return quality
    return np.polynomial.Polynomial.fit(k, quality, min(degree, _MOST_QUALITY_DEGREE, len(k) - 1))(k)


def fewest_within(k: _Numbers, quality: _Numbers, points: float = 0.01) -> int:
    """The fewest heads whose quality is within ``points`` of the full model's, which is the one of the largest ``k``.

    Quality is taken from its isotonic fit, which only rises with the number of heads, so that one lucky measurement
    does not decide. Raises ScoreError for numbers of heads that do not rise, gaps, or a negative ``points``.
    """
    k, quality, _ = _checked(k, quality, None)
    if not np.isfinite(quality).all():
        raise ScoreError(
            "Quality was not measured at every number of heads. Measure it at all of them, or leave some out."
        )
    if not (math.isfinite(points) and points >= 0):
        raise ScoreError(f"points must be a share from 0, such as 0.01 for one point. Got {points!r}.")
    from sklearn.isotonic import IsotonicRegression

    rising = IsotonicRegression().fit_transform(k, quality)
    # A margin for rounding: 0.50 - 0.01 is not to miss 0.49.
    return int(k[np.flatnonzero(rising >= quality[-1] - points - 1e-12)[0]])


def _located(k: np.ndarray, curve: np.ndarray, degree: int | None) -> Any:
    from kneed import KneeLocator

    # Through K points goes one polynomial of degree K - 1; asking for more only makes numpy warn.
    smoothing = (
        {"interp_method": "interp1d"}
        if degree is None
        else {"interp_method": "polynomial", "polynomial_degree": min(degree, len(k) - 1)}
    )
    with np.errstate(invalid="ignore", divide="ignore"):  # a fit without a range is scaled by 0
        return KneeLocator(k, curve, S=1.0, curve="concave", direction="increasing", online=False, **smoothing)


def _fits(curve: np.ndarray) -> bool:
    return len(curve) >= _FEWEST_POINTS and _has_range(curve)


def _has_range(values: np.ndarray) -> bool:
    return bool(np.isfinite(values).all()) and float(np.ptp(values)) >= _LEAST_RANGE


def _unit(values: np.ndarray) -> np.ndarray:
    return (values - values.min()) / np.ptp(values)


def _checked(k: _Numbers, curve: _Numbers, degree: int | None) -> tuple[np.ndarray, np.ndarray, int | None]:
    k, curve = np.asarray(k, dtype=np.float64), np.asarray(curve, dtype=np.float64)
    if k.ndim != 1 or k.shape != curve.shape or not len(k):
        raise ScoreError(f"A curve needs one value for each number of heads; there are {k.size} and {curve.size}.")
    if not (np.isfinite(k).all() and (np.diff(k) > 0).all()):
        raise ScoreError("The numbers of heads of a curve must rise from point to point. Sort them and drop doubles.")
    if degree is not None and (
        isinstance(degree, bool) or not isinstance(degree, int | np.integer) or not 1 <= degree <= MOST_DEGREE
    ):
        raise ScoreError(
            f"The degree must be a whole number from 1 to {MOST_DEGREE}, or none for no smoothing. Got {degree!r}."
        )
    return k, curve, None if degree is None else int(degree)
