"""HIES: head importance and attention entropy in one score, and every mask that the weight between them can give.

HIES = alpha * hHIS + (1 - alpha) * (1 - hAE), with hHIS and hAE min-max normalised (Choi et al. 2026, arXiv 2510.13832,
section 4.1). High is kept. Each head's score is a line in alpha, so for a given cut only finitely many masks exist.
"""

from __future__ import annotations

import numpy as np

from headviz.errors import ScoreError
from headviz.mask import head_name

NORMALISATIONS = ("global", "layer", "rank")


def normalise(values: np.ndarray, how: str = "global") -> np.ndarray:
    """``values`` (L, H) to [0, 1]: min-max over all heads ("global"), within a layer ("layer"), or ranks over the
    number of heads less one, equal values sharing their mean rank ("rank"). No spread gives 0 for every head. NaN
    (absent) stays."""
    if how not in NORMALISATIONS:
        raise ScoreError(f"normalise={how!r} is not one of {', '.join(NORMALISATIONS)}.")
    if how == "rank":
        return _min_max(_mean_ranks(values), axis=None)
    return _min_max(values, axis=1 if how == "layer" else None)


def _min_max(values: np.ndarray, axis: int | None) -> np.ndarray:
    low, spread = _low_and_spread(values, axis)
    return np.where(np.isnan(values), np.nan, (values - low) / np.where(spread > 0, spread, 1.0))


def _low_and_spread(values: np.ndarray, axis: int | None) -> tuple[np.ndarray, np.ndarray]:
    """The smallest value and the distance to the largest, NaN left out; 0 and 0 where a layer has no head at all."""
    known = ~np.isnan(values)
    low = np.where(known, values, np.inf).min(axis=axis, keepdims=True)
    high = np.where(known, values, -np.inf).max(axis=axis, keepdims=True)
    some = known.any(axis=axis, keepdims=True)
    return np.where(some, low, 0.0), np.where(some, high, 0.0) - np.where(some, low, 0.0)


def _mean_ranks(values: np.ndarray) -> np.ndarray:
    present = ~np.isnan(values)
    _, inverse, counts = np.unique(values[present], return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = np.full(values.shape, np.nan)
    ranks[present] = ((ends - counts) + (ends - 1))[inverse] / 2
    return ranks


def terms(his: np.ndarray, ae: np.ndarray, how: str = "global") -> tuple[np.ndarray, np.ndarray]:
    """The two normalised terms (hHIS, 1 - hAE), each (L, H) in [0, 1]. A term without any spread is 0 for every
    head. NaN in ``his`` is a head that is not there; any other value without a place in an order is a ScoreError."""
    ae = np.where(np.isnan(his), np.nan, ae)
    _require_finite(his, ae)
    diffuse = normalise(ae, how)
    _, spread = _low_and_spread(ae, axis=1 if how == "layer" else None)
    return normalise(his, how), np.where((spread == 0) & ~np.isnan(ae), 0.0, 1.0 - diffuse)


def _require_finite(his: np.ndarray, ae: np.ndarray) -> None:
    present = ~np.isnan(his)
    for name, values in (("HIS", his), ("attention entropy", ae)):
        lost = np.argwhere(present & ~np.isfinite(values))
        if len(lost):
            layer, head = (int(number) for number in lost[0])
            raise ScoreError(
                f"The {name} of {head_name(layer, head)} is {values[layer, head]}, not a finite number, so there is "
                "no HIES. Score other examples, or load the model in float32."
            )
    if not present.any():
        raise ScoreError("No head has a score. Score a model that has heads left.")


def blend(his: np.ndarray, ae: np.ndarray, alpha: float, how: str = "global") -> np.ndarray:
    """HIES (L, H) float64 in [0, 1] for one alpha in [0, 1]; at 1 the order is that of HIS, at 0 that of -AE."""
    important, focused = terms(his, ae, how)
    return mix(important, focused, alpha)


def weight(alpha: float) -> float:
    """``alpha`` as a float. Raises ScoreError unless it is a number from 0 to 1."""
    try:
        number = float(alpha)
    except (TypeError, ValueError) as cause:
        raise ScoreError(f"alpha must be a number from 0 to 1. Got {alpha!r}.") from cause
    if not 0.0 <= number <= 1.0:
        raise ScoreError(f"alpha must be a number from 0 to 1. Got {alpha!r}.")
    return number


def mix(important: np.ndarray, focused: np.ndarray, alpha: float) -> np.ndarray:
    alpha = weight(alpha)
    # the ends must give the exact order of their one term, whatever rounding 0 * x and 1 * x would bring
    if alpha in (0.0, 1.0):
        return (important if alpha == 1.0 else focused).copy()
    return alpha * important + (1.0 - alpha) * focused


def breaks(important: np.ndarray, focused: np.ndarray, cut: int) -> list[tuple[float, float, np.ndarray]]:
    """Every set of ``cut`` heads that is lowest for some alpha in [0, 1], in order of alpha, as (low, high, pruned).

    ``important``, ``focused`` (n,): the two terms of the n heads in reading order. ``pruned``: bool (n,). The intervals
    join; at a join itself two or more heads are equal and the lower index is cut first. A set that holds at exactly
    0 or 1 only (equal scores there) is an interval of width 0.

    The cut heads' highest line and the kept heads' lowest line meet at the next break. Their difference is concave in
    alpha, so Newton's method from the right reaches the first root beyond the present alpha from above, exactly
    where two lines cross: alpha_ij = (D_j - D_i) / ((h_i - h_j) + (D_j - D_i)), D = 1 - hAE, h = hHIS.
    """
    slope = important - focused
    low_end, high_end = _lowest(focused, cut), _lowest(important, cut)
    # just right of 0, equal heads part by slope
    pruned = np.zeros(len(slope), dtype=bool)
    pruned[np.lexsort((np.arange(len(slope)), slope, focused))[:cut]] = True
    found: list[tuple[float, float, np.ndarray]] = []
    if not np.array_equal(low_end, pruned):
        found.append((0.0, 0.0, low_end))
    at = 0.0
    while True:
        swap = _next_swap(focused, slope, pruned, at) if 0 < cut < len(slope) else None
        until = 1.0 if swap is None else swap[0]
        if until > at or (swap is None and not found):
            if found and np.array_equal(found[-1][2], pruned):
                found[-1] = (found[-1][0], until, pruned.copy())
            else:
                found.append((at, until, pruned.copy()))
        if swap is None:
            break
        at = until
        pruned[swap[1]], pruned[swap[2]] = False, True
    if not np.array_equal(found[-1][2], high_end):
        found.append((1.0, 1.0, high_end))
    return found


def _lowest(values: np.ndarray, cut: int) -> np.ndarray:
    pruned = np.zeros(len(values), dtype=bool)
    pruned[np.argsort(values, kind="stable")[:cut]] = True
    return pruned


def _next_swap(focused: np.ndarray, slope: np.ndarray, pruned: np.ndarray, at: float) -> tuple[float, int, int] | None:
    """The first alpha in [at, 1) where a cut head's line rises above a kept one's: (alpha, the cut head, the kept
    head)."""
    cut, kept = np.flatnonzero(pruned), np.flatnonzero(~pruned)
    alpha, pair = 1.0, None
    while True:
        highest = focused[cut] + alpha * slope[cut]
        lowest = focused[kept] + alpha * slope[kept]
        # of equal lines, the pair that falls apart fastest: cut head with the largest slope, kept with the smallest
        i = cut[np.lexsort((-slope[cut], -highest))[0]]
        j = kept[np.lexsort((slope[kept], lowest))[0]]
        fall = slope[i] - slope[j]
        gap = (focused[j] + alpha * slope[j]) - (focused[i] + alpha * slope[i])
        if gap >= 0 or fall <= 0:
            return None if pair is None else (alpha, *pair)
        root = min(alpha, max(at, (focused[j] - focused[i]) / fall))
        if pair is not None and root >= alpha:
            return (alpha, *pair)
        alpha, pair = root, (int(i), int(j))
        if alpha <= at:
            return (at, *pair)
