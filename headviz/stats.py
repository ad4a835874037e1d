"""Numbers with their uncertainty: shares with Wilson's interval, everything else with a seeded bootstrap over examples.

numpy only. Every function gives a defined answer in the corners: no examples give NaN with the widest range there is,
and what cannot be told from chance (one class, one constant ranking) is 0, as scikit-learn does for Matthews.

A bootstrap of examples that are all alike has no width, be they few or many, so there it is not used: what
is bounded gets the interval that n equal examples leave possible, and what is not has none (NaN). docs/methods.md,
"Quality", has the formulas.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from headviz import resamples
from headviz.errors import ScoreError
from headviz.resamples import (
    draw_counts,
    draw_with_one_unseen,
    example_weights,
    generator,
    interval_of_equals,
    middle,
    one_hot,
)

LEVEL = 0.95
DRAWS = 1000
_FEW = 64  # distinct values up to which a bootstrap draws their counts


@dataclass(frozen=True)
class Estimate:
    """A number, the ends of its interval (95 % unless asked otherwise) and the number of examples behind it."""

    value: float
    low: float
    high: float
    n: int | None = None

    def record(self) -> dict[str, Any]:
        """The form in which files hold it: value, low, high and, where known, examples; NaN becomes None."""
        numbers = {"value": self.value, "low": self.low, "high": self.high}
        record: dict[str, Any] = {name: None if math.isnan(x) else float(x) for name, x in numbers.items()}
        return record if self.n is None else {**record, "examples": int(self.n)}


def wilson(successes: int, n: int, level: float = LEVEL) -> Estimate:
    """A share of ``n`` independent examples with Wilson's score interval (Wilson 1927).

    It stays within 0 and 1 and has a width even at shares of 0 and 1. Without examples the value is NaN, from 0 to 1.

    >>> wilson(5, 10)
    Estimate(value=0.5, low=0.236593090512564, high=0.7634069094874361, n=10)
    """
    if not 0 <= successes <= n:
        raise ScoreError(f"{successes} of {n} is not a share; the number of successes must be between 0 and {n}.")
    if n == 0:
        return Estimate(math.nan, 0.0, 1.0, 0)
    z2 = NormalDist().inv_cdf(0.5 + level / 2) ** 2
    share = successes / n
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    # At the ends the interval touches the share exactly; rounding must not leave it outside.
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == n else centre + half
    return Estimate(share, low, high, int(n))


def bootstrap(
    statistic: Callable[[np.ndarray], float], n: int, *, level: float = LEVEL, draws: int = DRAWS, seed: int = 0
) -> Estimate:
    """Percentile bootstrap of any statistic of ``n`` examples.

    ``statistic(index)`` gives its value for the examples ``index`` (n,) int64. It is called ``draws`` + 1 times; for
    means, confusion tables and paired differences the functions below do the same without a loop.
    """
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    rng = generator(seed)
    drawn = np.array([statistic(rng.integers(0, n, n)) for _ in range(draws)], dtype=np.float64)
    return _estimate(float(statistic(np.arange(n))), drawn, level, n)


def mean_interval(
    values: np.ndarray,
    level: float = LEVEL,
    seed: int = 0,
    draws: int = DRAWS,
    *,
    bounds: tuple[float, float] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Bootstrap interval of the mean over the first axis, for all other axes at once (with the same draws).

    ``values``: (N, ...), NaN where an example has no value; the mean leaves such entries out, as ``np.nanmean`` does.
    ``bounds`` within which every value lies, where there are any. Returns (low, high), each of shape values.shape[1:],
    float64, NaN where nothing is known: no value, one alone, or equal ones without bounds, unless all are 0.
    """
    if not 0 < level < 1:
        raise ScoreError(f"level must be a share between 0 and 1, such as 0.95. Got {level!r}.")
    if isinstance(draws, bool) or not isinstance(draws, int | np.integer) or draws < 1:
        raise ScoreError(f"draws must be a whole number of at least 1. Got {draws!r}.")
    values = np.asarray(values, dtype=np.float64)
    n, shape = len(values), values.shape[1:]
    flat = values.reshape(n, math.prod(shape))
    known = ~np.isnan(flat)
    whole = bool(known.all())
    filled = flat if whole else np.where(known, flat, 0.0)
    means = np.full((draws, flat.shape[1]), np.nan)
    if n > 0:
        rng = generator(seed)
        start = 0
        while start < draws:
            weights = example_weights(rng, n, min(draws - start, max(1, resamples.CELLS_AT_ONCE // n)))
            rows = slice(start, start + len(weights))
            with np.errstate(invalid="ignore"):
                means[rows] = (weights @ filled) / (n if whole else weights @ known.astype(np.float64))
            start += len(weights)
    low, high = middle(means, level)
    _widen_equals(flat, known, low, high, level, bounds)
    return low.reshape(shape), high.reshape(shape)


def _widen_equals(
    flat: np.ndarray,
    known: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    level: float,
    bounds: tuple[float, float] | None,
) -> None:
    """Put sound ends in ``low`` and ``high`` (columns,) where the known values of a column of ``flat`` are equal."""
    times = known.sum(axis=0)
    least, most = (np.where(known, flat, fill) for fill in (np.inf, -np.inf))
    equal = least.min(axis=0, initial=np.inf) == most.max(axis=0, initial=-np.inf)
    for column in np.flatnonzero(equal & (times > 0)):
        value = float(most[:, column].max())
        if bounds is not None:
            low[column], high[column] = interval_of_equals(value, int(times[column]), bounds, level)
        elif value != 0 or times[column] == 1:
            low[column] = high[column] = math.nan


def paired(a: np.ndarray, b: np.ndarray, *, level: float = LEVEL, draws: int = DRAWS, seed: int = 0) -> Estimate:
    """Mean of ``a - b`` over examples measured twice, with a bootstrap over the examples.

    ``a``, ``b``: (N,), such as losses, or right (1) and wrong (0) of two masks on the same examples. Because the same
    examples are drawn on both sides, what they share cancels, and the interval is narrower than that of two separate
    samples. Where all differ by the same, the interval of right and wrong is what so many leave possible; of other
    values there is none, unless all differences are 0: then it is 0 to 0.
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise ScoreError(
            f"Results of {len(a)} and {len(b)} examples cannot be paired; evaluate both masks on the same data."
        )
    difference, n = a - b, len(a)
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    value = float(difference.mean())
    distinct, counts = np.unique(difference, return_counts=True)
    if len(distinct) == 1:
        if np.isin(a, (0, 1)).all() and np.isin(b, (0, 1)).all():
            return Estimate(value, *interval_of_equals(value, n, (-1, 1), level), n)
        return Estimate(value, value, value, n) if value == 0 else Estimate(value, math.nan, math.nan, n)
    if len(distinct) > _FEW:
        low, high = mean_interval(difference, level, seed, draws)
        return Estimate(value, float(low), float(high), n)
    # Drawing examples is drawing how often each distinct value comes: the same law, and far fewer numbers to draw.
    drawn = draw_counts(generator(seed), counts, draws, lambda times: times @ distinct / n)
    return _estimate(value, drawn, level, n)


def confusion(labels: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    """Counts (C, C) int64: rows are true labels, columns are predictions, both 0 to C - 1."""
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    if labels.shape != predictions.shape:
        raise ScoreError(f"{len(labels)} labels and {len(predictions)} predictions do not belong together.")
    for name, values in (("label", labels), ("prediction", predictions)):
        if values.size and (values.min() < 0 or values.max() >= classes):
            raise ScoreError(f"A {name} lies outside the {classes} classes of the model, which are 0 to {classes - 1}.")
    cells = labels.astype(np.int64) * classes + predictions.astype(np.int64)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def accuracy(labels: np.ndarray, predictions: np.ndarray, classes: int) -> Estimate:
    """The share of right predictions with Wilson's interval."""
    table = confusion(labels, predictions, classes)
    return wilson(int(np.trace(table)), int(table.sum()))


def macro_f1(labels: np.ndarray, predictions: np.ndarray, classes: int) -> float:
    """The mean of the F1 scores of the classes that occur as a label or a prediction; NaN without examples."""
    return _of_table(_macro_f1, labels, predictions, classes)


def matthews(labels: np.ndarray, predictions: np.ndarray, classes: int) -> float:
    """Matthews correlation of C classes (Gorodkin 2004), -1 to 1; 0 where labels or predictions are of one class."""
    return _of_table(_matthews, labels, predictions, classes)


def cohen_kappa(labels: np.ndarray, predictions: np.ndarray, classes: int) -> float:
    """Agreement beyond chance (Cohen 1960), at most 1; 0 where both sides always give the same one class."""
    return _of_table(_kappa, labels, predictions, classes)


def macro_f1_estimate(labels: np.ndarray, predictions: np.ndarray, classes: int) -> Estimate:
    """`macro_f1` with a seeded bootstrap over examples."""
    return _bootstrap_table(_macro_f1, labels, predictions, classes, (0.0, 1.0))


def matthews_estimate(labels: np.ndarray, predictions: np.ndarray, classes: int) -> Estimate:
    """`matthews` with a seeded bootstrap over examples; where all labels are of one class nothing is known: 0, from -1
    to 1."""
    if len(labels) and len(np.unique(labels)) == 1:
        return Estimate(matthews(labels, predictions, classes), -1.0, 1.0, len(labels))
    return _bootstrap_table(_matthews, labels, predictions, classes, (-1.0, 1.0))


def value_of(metric: str, labels: np.ndarray, predictions: np.ndarray, classes: int) -> float:
    """The value alone of ``metric``: accuracy, macro_f1 or matthews."""
    return _of_table(_table_statistic(metric), labels, predictions, classes)


def paired_metric(
    metric: str,
    labels: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    classes: int,
    *,
    level: float = LEVEL,
    draws: int = DRAWS,
    seed: int = 0,
) -> Estimate:
    """``metric`` (accuracy, macro_f1 or matthews) of the predictions ``a`` less that of ``b``, with a bootstrap over
    the examples, which are the same on both sides."""
    if not len(labels):
        return Estimate(math.nan, math.nan, math.nan, 0)
    values, drawn = metric_draws(metric, labels, [a, b], classes, draws=draws, seed=seed)
    less = drawn[:, 0] - drawn[:, 1]
    if np.ptp(less) == 0:
        _, drawn = metric_draws(metric, labels, [a, b], classes, draws=draws, seed=seed, unseen=True)
        less = drawn[:, 0] - drawn[:, 1]
    return _estimate(float(values[0] - values[1]), less, level, len(labels))


def metric_draws(
    metric: str,
    labels: np.ndarray,
    predictions: Sequence[np.ndarray],
    classes: int,
    *,
    draws: int = DRAWS,
    seed: int = 0,
    unseen: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """``metric`` of several predictions (m of (N,)) of the same examples: its values (m,), and its values in ``draws``
    resamples of the examples (draws, m), the same resamples for all. ``unseen``: each with one example of another kind
    (`draw_with_one_unseen`), which is so in any case where the resamples of one of them are all alike."""
    statistic = _table_statistic(metric)
    values = np.array([_of_table(statistic, labels, one, classes) for one in predictions])
    # An example is known by its label and its predictions: how often each such row comes is drawn.
    rows = np.stack([np.asarray(one, dtype=np.int64) for one in (labels, *predictions)], axis=1)
    distinct, counts = np.unique(rows, axis=0, return_counts=True)

    def statistics(rows: np.ndarray, times: np.ndarray) -> np.ndarray:
        label, *sides = rows.T
        there = one_hot(label, classes)
        found = times @ there
        columns = []
        for side in sides:
            given = one_hot(side, classes)
            columns.append(statistic(times @ (given * there), found, times @ given))
        return np.stack(columns, axis=1)

    if not unseen:
        drawn = draw_counts(generator(seed), counts, draws, lambda times: statistics(distinct, times))
        unseen = bool((np.ptp(drawn, axis=0) == 0).any())
    if unseen:
        drawn = draw_with_one_unseen(generator(seed), distinct, counts, classes, draws, statistics)
    return values, drawn


def kendall_tau(a: np.ndarray, b: np.ndarray) -> float:
    """Kendall's tau-b of two lists of scores, -1 to 1; ties count for neither side.

    Places where either is NaN (heads that are not there) are left out. 0 where one of them has no order at all.
    """
    a, b = np.ravel(np.asarray(a, dtype=np.float64)), np.ravel(np.asarray(b, dtype=np.float64))
    if a.shape != b.shape:
        raise ScoreError(f"Rankings of {len(a)} and {len(b)} heads cannot be compared; take both from one model.")
    both = ~(np.isnan(a) | np.isnan(b))
    # Ranks, so that infinite scores have an order among themselves too (their difference has none).
    a, b = (np.unique(x[both], return_inverse=True)[1].ravel() for x in (a, b))
    agree = pairs_a = pairs_b = 0
    for i in range(len(a) - 1):
        sign_a, sign_b = np.sign(a[i + 1 :] - a[i]), np.sign(b[i + 1 :] - b[i])
        agree += int(sign_a @ sign_b)
        pairs_a += int(np.count_nonzero(sign_a))
        pairs_b += int(np.count_nonzero(sign_b))
    return agree / math.sqrt(pairs_a * pairs_b) if pairs_a and pairs_b else 0.0


# Statistics of confusion tables. Each takes, for D tables at once, the right answers, the labels and the predictions
# per class, all (D, C) float64, and gives (D,).
_TableStatistic = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def _accuracy(right: np.ndarray, labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    return right.sum(axis=1) / labels.sum(axis=1)


def _macro_f1(right: np.ndarray, labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    occur = labels + predictions
    f1 = np.divide(2 * right, occur, out=np.zeros_like(occur), where=occur > 0)
    return f1.sum(axis=1) / np.count_nonzero(occur, axis=1)


def _matthews(right: np.ndarray, labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    n = labels.sum(axis=1)
    covariance = right.sum(axis=1) * n - (labels * predictions).sum(axis=1)
    spread = (n * n - (labels * labels).sum(axis=1)) * (n * n - (predictions * predictions).sum(axis=1))
    there = spread > 1e-14 * n**4  # less is rounding, where examples have weights
    return np.divide(covariance, np.sqrt(np.abs(spread)), out=np.zeros_like(n), where=there)


def _kappa(right: np.ndarray, labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    n = labels.sum(axis=1)
    chance = (labels * predictions).sum(axis=1)
    return np.divide(right.sum(axis=1) * n - chance, n * n - chance, out=np.zeros_like(n), where=n * n > chance)


_TABLE_STATISTICS: dict[str, _TableStatistic] = {
    "accuracy": _accuracy,
    "macro_f1": _macro_f1,
    "matthews": _matthews,
}


def _table_statistic(metric: str) -> _TableStatistic:
    if metric not in _TABLE_STATISTICS:
        raise ScoreError(f"There is no metric {metric!r} of classes; choose from {', '.join(_TABLE_STATISTICS)}.")
    return _TABLE_STATISTICS[metric]


def _of_table(statistic: _TableStatistic, labels: np.ndarray, predictions: np.ndarray, classes: int) -> float:
    table = confusion(labels, predictions, classes).astype(np.float64)
    if not table.any():
        return math.nan
    return float(statistic(np.diag(table)[None], table.sum(axis=1)[None], table.sum(axis=0)[None])[0])


def _bootstrap_table(
    statistic: _TableStatistic,
    labels: np.ndarray,
    predictions: np.ndarray,
    classes: int,
    bounds: tuple[float, float],
    *,
    level: float = LEVEL,
    draws: int = DRAWS,
    seed: int = 0,
) -> Estimate:
    """Bootstrap over examples of a statistic of the confusion table: draws how often each cell comes, not examples."""
    table = confusion(labels, predictions, classes)
    n = int(table.sum())
    if n == 0:
        return Estimate(math.nan, *bounds, 0)
    cells = np.argwhere(table)

    def statistics(rows: np.ndarray, times: np.ndarray) -> np.ndarray:
        of_label, of_prediction = (one_hot(index, classes) for index in rows.T)  # (rows, C)
        of_right = of_label * (rows[:, 0] == rows[:, 1])[:, None]
        return statistic(times @ of_right, times @ of_label, times @ of_prediction)

    counts = table[table > 0]
    drawn = draw_counts(generator(seed), counts, draws, lambda times: statistics(cells, times))
    if np.ptp(drawn) == 0:
        drawn = draw_with_one_unseen(generator(seed), cells, counts, classes, draws, statistics)
    return _estimate(_of_table(statistic, labels, predictions, classes), drawn, level, n)


def _estimate(value: float, drawn: np.ndarray, level: float, n: int) -> Estimate:
    low, high = (float(end) for end in middle(drawn, level))
    # A bootstrap of a lopsided statistic can miss the value itself; an interval that is drawn must hold it.
    return Estimate(value, min(low, value), max(high, value), n)
