"""Linear CKA (Kornblith et al. 2019): how alike two sets of activations of the same rows are, whatever their rotation,
scale and shift.

In float64 and in feature space, from products of (d, d): with rows by the thousand that is less work than (n, n), and
in float32 a relative change of 1e-4 would drown in rounding. With few rows the plain estimator sees likeness in pure
noise, so `change` then takes the debiased one, which rests on the unbiased HSIC (Song et al. 2012).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from headviz.errors import RunError

FEWEST_ROWS = 4  # the unbiased HSIC divides by n (n - 3)
ROWS_PER_COLUMN = 4  # below it the plain estimator understates a change


def linear_cka(x: Any, y: Any, *, debiased: bool = False) -> float:
    """CKA of ``x`` (n, d) and ``y`` (n, e), arrays or tensors on the CPU whose rows are the same n observations.

    The plain estimator lies in 0 to 1; the debiased one can leave that range on both sides. NaN where either is the
    same in every row or not finite, for then there is nothing to compare. Raises RunError for arrays that do not
    belong together, and for fewer than 4 rows of the debiased one.
    """
    x, y = _centred(x), _centred(y)
    if len(x) != len(y):
        raise RunError(f"Activations of {len(x)} and {len(y)} rows cannot be compared; take both on the same texts.")
    if debiased:
        _require_rows(len(x))
    if not (x.any() and y.any() and np.isfinite(x).all() and np.isfinite(y).all()):
        return float("nan")
    product = _unbiased_product if debiased else _product
    # The unbiased product of a set with itself is a squared length too, which only rounding takes below 0.
    lengths = np.sqrt(max(product(x, x), 0.0) * max(product(y, y), 0.0))
    return float(product(x, y) / lengths) if lengths else float("nan")


def change(reference: Any, now: Any) -> float:
    """How far the activations ``now`` (n, d) have moved from ``reference`` (n, d): 1 - CKA, clipped to 0 to 1.

    The debiased estimator takes over where `rows_are_few`. 0 where the activations are constant over the rows (see
    `is_constant`), NaN where they are not finite. Raises RunError for fewer than 4 rows and for other shapes.
    """
    reference, now = _matrix(reference), _matrix(now)
    if reference.shape != now.shape:
        raise RunError(
            f"Activations of {reference.shape} and {now.shape} cannot be compared; take both on the same texts."
        )
    _require_rows(len(now))
    if is_constant(reference) or is_constant(now):
        return 0.0
    likeness = linear_cka(reference, now, debiased=rows_are_few(*now.shape))
    return float(np.clip(1 - likeness, 0.0, 1.0))


def rows_are_few(rows: int, columns: int) -> bool:
    """Whether ``rows`` of ``columns`` features are so few, fewer than 4 a feature, that `change` debiases."""
    return rows < ROWS_PER_COLUMN * columns


def is_constant(activations: Any) -> bool:
    """Whether ``activations`` (n, d) are the same in every row, so that CKA would be 0 / 0."""
    activations = _matrix(activations)
    return bool((activations == activations[:1]).all())


def _product(x: np.ndarray, y: np.ndarray) -> float:
    """The squared Frobenius norm of x'y, which is the product of the Gram matrices of both."""
    return float(np.square(x.T @ y).sum())


def _unbiased_product(x: np.ndarray, y: np.ndarray) -> float:
    """n (n - 3) times the unbiased HSIC of centred ``x`` and ``y``, from features alone."""
    n = len(x)
    own_x, own_y = np.square(x).sum(axis=1), np.square(y).sum(axis=1)  # the diagonals of the Gram matrices
    return float(_product(x, y) - n / (n - 2) * (own_x @ own_y) + own_x.sum() * own_y.sum() / ((n - 1) * (n - 2)))


def _matrix(activations: Any) -> np.ndarray:
    matrix = np.asarray(activations, dtype=np.float64)
    if matrix.ndim != 2 or not matrix.size:
        raise RunError(f"Activations must be rows and columns, at least one of each. Got the shape {matrix.shape}.")
    return matrix


def _centred(activations: Any) -> np.ndarray:
    # Less the first row at first: a constant column becomes exactly 0, where its mean alone would leave rounding.
    matrix = _matrix(activations)
    with np.errstate(invalid="ignore"):  # of what is not finite NaN comes out, which says enough
        shifted = matrix - matrix[:1]
        return shifted - shifted.mean(axis=0)


def _require_rows(rows: int) -> None:
    if rows < FEWEST_ROWS:
        raise RunError(
            f"Importance needs at least {FEWEST_ROWS} tokens to look at, not {rows}. Give more training texts."
        )
