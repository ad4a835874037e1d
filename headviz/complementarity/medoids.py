"""k-medoids by FasterPAM (Schubert, Rousseeuw, Information Systems 101, 2021, 101804), written from the paper.

The swaps run compiled by numba, which is imported when first needed, or as the same algorithm in numpy where numba
cannot be had; both give identical medoids.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from functools import cache

import numpy as np

from headviz.errors import ScoreError

STARTS = ("build", "random")

_ROUNDING = 1e-12  # of a sum of distances

# (distances (N, N), medoids (k,), least gain of a swap, candidate of the last swap) -> candidate of the last swap
_Pass = Callable[[np.ndarray, np.ndarray, float, int], int]


def k_medoids(distances: np.ndarray, k: int, start: str = "build", seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """``k`` of N heads to which the distances of all heads sum up to as little as FasterPAM finds.

    ``distances``: (N, N), symmetric, finite, not negative. ``start``: the first medoids, "build" (PAM's BUILD, which
    needs no seed) or "random" (drawn by ``seed``). Returns labels (N,) int64, the place in ``medoids`` of the nearest
    medoid, ties to the lower one, and medoids (k,) int64, ascending. A medoid always belongs to itself.

    Raises ScoreError for distances, ``k``, ``start`` or ``seed`` that cannot be used.

    >>> places = np.array([0, 1, 2, 10, 11, 12])
    >>> k_medoids(abs(places[:, None] - places), 2)
    (array([0, 0, 0, 1, 1, 1]), array([1, 4]))
    """
    distances = _checked(distances)
    _require_count("k", k, len(distances))
    medoids = _medoids(distances, starts(distances, start, seed), int(k))
    return nearest_medoid(distances, medoids), medoids


def all_medoids(
    distances: np.ndarray,
    most: int,
    start: str = "build",
    seed: int = 0,
    *,
    on_step: Callable[[], None] | None = None,
) -> list[np.ndarray]:
    """The medoids of `k_medoids` for k = 1 to ``most``: entry k - 1 has k of them, ascending.

    ``on_step()`` is called after each k; what it raises ends the search. Raises ScoreError as `k_medoids` does.
    """
    distances = _checked(distances)
    _require_count("most", most, len(distances))
    order = starts(distances, start, seed)
    found = []
    for k in range(1, int(most) + 1):
        found.append(_medoids(distances, order, k))
        if on_step is not None:
            on_step()
    return found


def nearest_medoid(distances: np.ndarray, medoids: np.ndarray) -> np.ndarray:
    """For each head the place in ``medoids`` of its nearest one, (N,) int64; ties to the earlier, medoids their own."""
    labels = distances[medoids].argmin(axis=0)
    labels[medoids] = np.arange(len(medoids))
    return labels


def deviation(distances: np.ndarray, medoids: np.ndarray) -> float:
    """The sum over heads of the distance to the nearest medoid: what k-medoids makes small."""
    return float(np.asarray(distances)[medoids].min(axis=0).sum())


def starts(distances: np.ndarray, start: str, seed: int) -> np.ndarray:
    """All N heads in the order in which they become first medoids, (N,) int64: the first k of it start the search."""
    if start not in STARTS:
        raise ScoreError(f"start must be one of {', '.join(STARTS)}; it is {start!r}.")
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**32:
        raise ScoreError(f"seed must be a whole number from 0 to {2**32 - 1}. Got {seed!r}.")
    if start == "build":
        return build(distances)
    # The legacy generator, because the reference draws each k by its choice(N, k, replace=False), which is the first
    # k of this permutation; another generator would give other starts.
    return np.random.RandomState(int(seed)).permutation(len(_checked(distances))).astype(np.int64)


def build(distances: np.ndarray) -> np.ndarray:
    """PAM's BUILD run to the end: at each step the head that lowers the deviation most, ties by lower index; (N,).

    Its choices are nested, so that one run gives the start for every k (Kaufman, Rousseeuw 1990).
    """
    distances = _checked(distances)
    order = [int(distances.sum(axis=0).argmin())]
    near = distances[order[0]]
    # Two heads nearest to each other often gain the same but for rounding: gains are compared in steps above it.
    step = _ROUNDING * float(near.sum()) or 1.0
    # What a head gains only falls as others are chosen, so an old gain is a bound: whichever head leads with a gain of
    # this step is the best, and most heads need not be looked at.
    known_at = np.zeros(len(distances), dtype=np.int64)
    queue = [(-math.inf, head) for head in range(len(distances)) if head != order[0]]
    while queue:
        _, head = heapq.heappop(queue)
        if known_at[head] == len(order):
            order.append(head)
            near = np.minimum(near, distances[head])
        else:
            known_at[head] = len(order)
            heapq.heappush(queue, (-round(float(np.maximum(near - distances[head], 0.0).sum()) / step), head))
    return np.array(order, dtype=np.int64)


def _medoids(distances: np.ndarray, order: np.ndarray, k: int) -> np.ndarray:
    """Medoids (k,), ascending, of checked distances and an order of first medoids."""
    if k == 1:
        return distances.sum(axis=0).argmin(keepdims=True)
    medoids, swap = order[:k].copy(), _fastest_pass()
    least, last, before = 0.0, -1, deviation(distances, medoids)
    while (swapped := swap(distances, medoids, least, last)) != last:
        last, after = swapped, deviation(distances, medoids)
        # Swaps of equal worth look like gains by rounding. They may lead on to real ones, and they may go round in
        # circles: once a pass of them has led to nothing, only gains above rounding count.
        if after >= before * (1 - _ROUNDING):
            least = before * _ROUNDING
        before = after
    return np.sort(medoids)


@cache
def _fastest_pass() -> _Pass:
    """The loops compiled by numba, which may take two seconds once; numpy where that cannot be."""
    try:
        import numba

        try:
            return _tried(numba.njit(cache=True)(_pass_in_loops))
        except (RuntimeError, OSError):  # no folder to keep the compiled code in: it is compiled in each process anew
            return _tried(numba.njit(_pass_in_loops))
    except (ImportError, RuntimeError, OSError):
        return _pass_in_numpy


def _tried(swap: _Pass) -> _Pass:
    """``swap`` after a first call, in which numba compiles and writes its cache."""
    swap(np.zeros((3, 3)), np.arange(2), 0.0, -1)
    return swap


# One pass of FasterPAM over all candidates. The medoids stand in slots. For each head: its nearest medoid's slot, and
# the distances to its nearest and second nearest. Giving up a slot costs its heads second - nearest (`removal`). A
# candidate gains for every head that it would be nearest to (`gain`, whichever slot goes), and lowers the cost of a
# slot whose heads it would take over (`relief`). A candidate that pays replaces the best slot at once, in place. The
# pass ends early at the candidate of the last swap: all others have been tried since. Both functions add up in the
# same order, so that they agree to the last bit.


def _pass_in_numpy(distances: np.ndarray, medoids: np.ndarray, least: float, last: int) -> int:
    heads, k = np.arange(len(distances)), len(medoids)
    swapped = True
    for candidate in heads:
        if candidate == last:
            break
        if swapped:
            to_medoids = distances[medoids]
            nearest = to_medoids.argmin(axis=0)
            first = to_medoids[nearest, heads]
            to_medoids[nearest, heads] = np.inf
            second = to_medoids.min(axis=0)
            removal = np.bincount(nearest, second - first, k)
            chosen = np.isin(heads, medoids)
            swapped = False
        if chosen[candidate]:
            continue
        to_candidate = distances[candidate]
        gain = np.cumsum(np.minimum(to_candidate - first, 0.0))[-1]
        relief = np.bincount(nearest, np.clip(to_candidate, first, second) - second, k)
        change = removal + relief
        slot = change.argmin()
        if change[slot] + gain < -least:
            medoids[slot] = last = int(candidate)
            swapped = True
    return last


def _pass_in_loops(distances: np.ndarray, medoids: np.ndarray, least: float, last: int) -> int:
    n, k = len(distances), len(medoids)
    nearest, next_nearest = np.full(n, -1), np.full(n, -1)
    first, second = np.empty(n), np.empty(n)
    chosen = np.zeros(n, dtype=np.bool_)
    chosen[medoids] = True
    removal, relief = np.zeros(k), np.empty(k)
    slot = -1  # the one that changed; none yet, so that every head looks at all medoids
    swapped = True
    for candidate in range(n):
        if candidate == last:
            break
        if swapped:
            removal[:] = 0.0
            for head in range(n):
                if nearest[head] == slot or next_nearest[head] == slot:
                    first[head] = second[head] = np.inf
                    for i in range(k):
                        d = distances[head, medoids[i]]  # along a row: columns lie far apart in memory
                        if d < first[head]:
                            second[head], next_nearest[head] = first[head], nearest[head]
                            first[head], nearest[head] = d, i
                        elif d < second[head]:
                            second[head], next_nearest[head] = d, i
                else:
                    d = distances[last, head]
                    if d < first[head] or (d == first[head] and slot < nearest[head]):
                        second[head], next_nearest[head] = first[head], nearest[head]
                        first[head], nearest[head] = d, slot
                    elif d < second[head]:
                        second[head], next_nearest[head] = d, slot
                removal[nearest[head]] += second[head] - first[head]
            swapped = False
        if chosen[candidate]:
            continue
        gain = 0.0
        relief[:] = 0.0
        for head in range(n):
            d = distances[candidate, head]
            if d < second[head]:  # the rarer the more medoids there are
                if d < first[head]:
                    gain += d - first[head]
                    relief[nearest[head]] += first[head] - second[head]
                else:
                    relief[nearest[head]] += d - second[head]
        slot = 0
        for i in range(1, k):
            if removal[i] + relief[i] < removal[slot] + relief[slot]:
                slot = i
        if removal[slot] + relief[slot] + gain < -least:
            chosen[medoids[slot]], chosen[candidate] = False, True
            medoids[slot] = last = candidate
            swapped = True
    return last


def _checked(distances: np.ndarray) -> np.ndarray:
    """The distances as a contiguous, exactly symmetric (N, N) float64 array. Raises ScoreError where they are none."""
    try:
        checked = np.ascontiguousarray(distances, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ScoreError("Distances must be numbers of shape (heads, heads).") from error
    if checked.ndim != 2 or checked.shape[0] != checked.shape[1] or not checked.size:
        raise ScoreError(
            f"Distances must be a square array of shape (heads, heads); these have the shape {np.shape(distances)}."
        )
    if not np.isfinite(checked).all():
        row, column = np.argwhere(~np.isfinite(checked))[0]
        raise ScoreError(
            f"The distance between heads {row} and {column} is {checked[row, column]}. Distances must be finite."
        )
    if checked.min() < 0:
        row, column = np.argwhere(checked < 0)[0]
        raise ScoreError(f"The distance between heads {row} and {column} is negative. Distances must be at least 0.")
    apart = np.abs(checked - checked.T)
    if apart.max() > 1e-9 * checked.max():
        row, column = sorted(np.unravel_index(apart.argmax(), apart.shape))
        raise ScoreError(
            f"The distance from head {row} to head {column} is not the one back. Distances must be symmetric."
        )
    # The same to the last bit in both directions, so that rows may stand for columns.
    return (checked + checked.T) / 2 if apart.any() else checked


def _require_count(name: str, value: int, heads: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 1 <= value <= heads:
        raise ScoreError(f"{name} must be a whole number from 1 to {heads}, the number of heads. Got {value!r}.")
