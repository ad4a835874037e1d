"""Resamples of examples: how often each comes, one by one or kind by kind, and what lies in the middle of the draws.

numpy only; `headviz.stats` makes numbers with their uncertainty of it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from headviz.errors import ScoreError

CELLS_AT_ONCE = 4_000_000  # numbers of a bootstrap held at a time: 32 MB of float64
_TRIES = 20  # at finding a kind of example that was not seen


def generator(seed: int) -> np.random.Generator:
    """The random numbers of a seed. Raises ScoreError unless it is a whole number from 0."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ScoreError(f"seed must be a whole number, at least 0. Got {seed!r}.")
    return np.random.default_rng(int(seed))


def draw_counts(
    rng: np.random.Generator, counts: np.ndarray, draws: int, statistics: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """``statistics`` (D, cells) -> (D, ...) of ``draws`` resamples of examples that lie in cells (cells,)."""
    n, step = counts.sum(), max(1, CELLS_AT_ONCE // len(counts))
    parts = []
    for start in range(0, draws, step):
        times = rng.multinomial(n, counts / n, size=min(step, draws - start))
        parts.append(statistics(times.astype(np.float64)))
    return np.concatenate(parts)


def draw_with_one_unseen(
    rng: np.random.Generator,
    seen: np.ndarray,
    counts: np.ndarray,
    classes: int,
    draws: int,
    statistics: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> np.ndarray:
    """``statistics(rows, weights)`` of ``draws`` Bayesian bootstraps (Rubin 1981) of the examples and one more, of
    which nothing is known: in each draw it is of a kind that was not seen, if there is any.

    ``seen``: (rows, 1 + m), the labels and predictions that occur, ``counts`` times each. The weight of the unseen one
    has the quantiles of `interval_of_equals`."""
    known = set(map(tuple, seen.tolist()))
    parts = []
    for weights in rng.dirichlet([*counts, 1], size=draws):
        tries = rng.integers(0, classes, (_TRIES, seen.shape[1]))
        other = next((one for one in tries if tuple(one.tolist()) not in known), tries[0])
        parts.append(statistics(np.vstack([seen, other]), weights[None]))
    return np.concatenate(parts)


def example_weights(rng: np.random.Generator, n: int, draws: int) -> np.ndarray:
    """How often each of ``n`` examples comes in each of ``draws`` resamples of n: (draws, n) float64."""
    drawn = rng.integers(0, n, (draws, n)) + np.arange(0, draws * n, n)[:, None]
    return np.bincount(drawn.ravel(), minlength=draws * n).reshape(draws, n).astype(np.float64)


def middle(drawn: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """The middle ``level`` of draws (D, ...), without those that are NaN; NaN where all are."""
    ends = [0.5 - level / 2, 0.5 + level / 2]
    flat = drawn.reshape(len(drawn), -1)
    unknown = np.isnan(flat)
    partly = unknown.any(axis=0) & ~unknown.all(axis=0)
    low_high = np.quantile(flat, ends, axis=0)
    for column in np.flatnonzero(partly):
        low_high[:, column] = np.quantile(flat[~unknown[:, column], column], ends)
    return low_high[0].reshape(drawn.shape[1:]), low_high[1].reshape(drawn.shape[1:])


def interval_of_equals(value: float, n: int, bounds: tuple[float, float], level: float) -> tuple[float, float]:
    """The interval of a mean of ``n`` equal values within ``bounds``: a share of 1 - ((1 - level) / 2) ** (1 / n) of
    all examples may be others (Clopper and Pearson 1934, for n of n), and these may lie at either end."""
    unseen = 1 - (0.5 - level / 2) ** (1 / n)
    return value - unseen * (value - bounds[0]), value + unseen * (bounds[1] - value)


def one_hot(places: np.ndarray, classes: int) -> np.ndarray:
    made = np.zeros((len(places), classes))
    made[np.arange(len(places)), places] = 1
    return made
