"""HIES: head importance and attention entropy in one score, and every mask that the weight between them can give.

HIES = alpha * hHIS + (1 - alpha) * (1 - hAE), with hHIS and hAE min-max normalised (Choi et al. 2026, arXiv 2510.13832,
section 4.1). High is kept. Each head's score is a line in alpha, so for a given cut only finitely many masks exist.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np

from headviz.errors import ScoreError
from headviz.mask import head_name

NORMALISATIONS = ("global", "layer", "rank")
_ROUNDING = 8 * np.finfo(np.float64).eps  # equal scores meet at one alpha, but are computed to meet so near each other


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


def breaks(
    important: np.ndarray,
    focused: np.ndarray,
    cut: int,
    *,
    layer: np.ndarray | None = None,
    room: np.ndarray | None = None,
) -> list[tuple[float, float, np.ndarray]]:
    """Every set of ``cut`` heads that is lowest for some alpha in [0, 1], in order of alpha, as (low, high, pruned).

    ``important``, ``focused`` (n,): the two terms of the n heads in reading order; ``layer``, ``room``: as in `lowest`.
    ``pruned``: bool (n,), the set that `lowest` gives at every alpha between low and high. The intervals join; at a
    join itself two or more heads are equal and the lower index is cut first. A set that holds at exactly 0 or 1 only
    (equal scores there) is an interval of width 0.
    """

    def pruned_at(alpha: float) -> np.ndarray:
        return lowest(mix(important, focused, alpha), cut, layer=layer, room=room)

    found: list[tuple[float, float, np.ndarray]] = []
    for low, high in pairwise([0.0, *_joins(important, focused, pruned_at), 1.0]):
        if high - low <= _ROUNDING:
            continue
        pruned, since = pruned_at((low + high) / 2), found[-1][1] if found else 0.0
        if found and np.array_equal(found[-1][2], pruned):
            since = found.pop()[0]
        found.append((since, high, pruned))
    found[-1] = (found[-1][0], 1.0, found[-1][2])
    low_end, high_end = pruned_at(0.0), pruned_at(1.0)
    before = [] if np.array_equal(low_end, found[0][2]) else [(0.0, 0.0, low_end)]
    after = [] if np.array_equal(high_end, found[-1][2]) else [(1.0, 1.0, high_end)]
    return [*before, *found, *after]


def lowest(
    values: np.ndarray, cut: int, *, layer: np.ndarray | None = None, room: np.ndarray | None = None
) -> np.ndarray:
    """bool (n,): the ``cut`` lowest of ``values`` (n,), of equal ones the lower index; of each layer no more than its
    ``room`` (layers,), where ``layer`` (n,) says which each belongs to, and the next lowest of other layers instead."""
    order = np.argsort(values, kind="stable")
    if layer is not None and room is not None:
        of = layer[order]
        grouped = np.argsort(of, kind="stable")
        first = np.searchsorted(of[grouped], np.arange(len(room)))
        before = np.empty(len(order), dtype=int)  # how many of the same layer are lower
        before[grouped] = np.arange(len(order)) - first[of[grouped]]
        order = order[before < room[of]]
    pruned = np.zeros(len(values), dtype=bool)
    pruned[order[:cut]] = True
    return pruned


def _joins(important: np.ndarray, focused: np.ndarray, pruned_at: Callable[[float], np.ndarray]) -> list[float]:
    """Every alpha at which the lowest set becomes another, ascending.

    The sum of a set's scores is a line in alpha, and the lowest set, under room in layers too (a matroid), has the
    lowest sum. So the sets are the edges of a concave chain of lines, and where the lines of two of its edges meet lies
    either a third edge or, when none is lower there, their join (Eisner and Severance 1976).
    """
    joins = []
    spans = [(0.0, pruned_at(0.0), 1.0, pruned_at(1.0))]
    while spans:
        low, left, high, right = spans.pop()
        if np.array_equal(left, right):
            continue
        meet = _meeting(important, focused, left, right)
        between = pruned_at(meet) if low < meet < high else left
        if np.array_equal(between, left) or np.array_equal(between, right):
            joins.append(min(max(meet, low), high))
        else:
            spans += [(low, left, meet, between), (meet, between, high, right)]
    return sorted(joins)


def _meeting(important: np.ndarray, focused: np.ndarray, left: np.ndarray, right: np.ndarray) -> float:
    """The alpha at which the sums of two sets are equal. Of single heads i and j this is
    (D_j - D_i) / ((h_i - h_j) + (D_j - D_i)), D = 1 - hAE, h = hHIS. Sets of one line, which part only at a tie: 0."""
    sign = left.astype(float) - right
    apart = sign != 0
    # exact sums: what is equal at alpha 0 or 1 must meet there and not beside it
    at_0, at_1 = (math.fsum((sign * term)[apart].tolist()) for term in (focused, important))
    return at_0 / (at_0 - at_1) if at_0 != at_1 else 0.0
