"""How many heads two choices share, and how many they would share by chance."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from headviz.complementarity.controls import top
from headviz.complementarity.representatives import pick_heads
from headviz.errors import ScoreError
from headviz.progress import CancelSignal, OnProgress, Progress
from headviz.stats import generator

if TYPE_CHECKING:
    import pandas as pd

    from headviz.complementarity.plan import Plan
    from headviz.head_scores import HeadScores

# Criteria that follow the gradients from which salience comes: the two share heads whatever the clusters are.
LIKE_SALIENCE = ("his", "hies", "fisher", "integrated_gradients", "ablation", "shapley")


def jaccard(kept_a: np.ndarray, kept_b: np.ndarray) -> float:
    """Heads in both of two choices over heads in either, 0 to 1; two empty choices are the same one: 1.

    ``kept_a``, ``kept_b``: bool arrays of one shape.
    """
    kept_a, kept_b = _as_choices(kept_a, kept_b)
    either = np.count_nonzero(kept_a | kept_b)
    return float(np.count_nonzero(kept_a & kept_b) / either) if either else 1.0


def hypergeometric(a: int, b: int, n: int) -> tuple[float, int, int]:
    """Heads that two unrelated choices of ``a`` and ``b`` of ``n`` heads share: mean, and ends of the 95 % band.

    >>> hypergeometric(14, 14, 72)
    (2.7222222222222223, 0, 5)
    """
    if not (0 <= a <= n and 0 <= b <= n and n > 0):
        raise ScoreError(f"{a} and {b} heads cannot be chosen from {n}. Give counts from 0 to the number of heads.")
    ends: list[int] = []
    ways, below = comb(n, a), 0
    # Whole numbers throughout, so that no model is too large: quantiles are the first counts past 2.5 % and 97.5 %.
    for shared in range(min(a, b) + 1):
        below += comb(b, shared) * comb(n - b, a - shared)
        while len(ends) < 2 and 1000 * below >= (25, 975)[len(ends)] * ways:
            ends.append(shared)
    return a * b / n, ends[0], ends[1]


def salience_chance(
    labels: np.ndarray,
    medoids: np.ndarray,
    salience: np.ndarray,
    layers: np.ndarray,
    other_kept: np.ndarray,
    *,
    guard: bool = True,
    draws: int = 200,
    seed: int = 0,
) -> tuple[float, float, float]:
    """Heads shared with ``other_kept`` (N,) bool when clusters know nothing of the heads: mean, ends of the 95 % band.

    Each of ``draws`` random partitions has the sizes of the clusters in ``labels``, and in it heads are picked by
    salience as `pick_heads` does. Picking by salience shares heads with any choice that follows salience, whatever
    the clusters are; the hypergeometric band knows nothing of that.
    """
    labels, other_kept = np.asarray(labels), np.asarray(other_kept, dtype=bool)
    if isinstance(draws, bool) or not isinstance(draws, int | np.integer) or draws < 1:
        raise ScoreError(f"draws must be a whole number of at least 1. Got {draws!r}.")
    rng = generator(seed)
    shared = np.empty(int(draws))
    for draw in range(len(shared)):
        kept, _ = pick_heads(rng.permutation(labels), medoids, salience, layers, "salience", guard)
        shared[draw] = np.count_nonzero(np.logical_and(*_as_choices(kept, other_kept)))
    low, high = np.quantile(shared, (0.025, 0.975))
    return float(shared.mean()), float(low), float(high)


def overlap_curve(
    plan: Plan,
    head_scores: HeadScores,
    counts: Sequence[int],
    *,
    on_progress: OnProgress | None = None,
    cancel: CancelSignal | None = None,
) -> pd.DataFrame:
    """pandas, one row per number of clusters in ``counts``: k, kept (by the plan, rescued included), shared with the
    highest of ``head_scores`` at the same number and guard, and mean, low, high (95 %) of what chance shares.

    ``attrs["chance"]`` says which chance: "salience" (`salience_chance`), where salience picks the plan's heads and the
    criterion follows it, else "hypergeometric".
    """
    import pandas as pd

    like = plan.salience is not None and plan.options.representative == "salience"
    like = like and head_scores.criterion in LIKE_SALIENCE
    rows = []
    with Progress(len(counts), "comparing choices", on_progress, cancel) as progress:
        for k in counts:
            one = plan.with_count(k)
            kept, mask = one.picked[0], top(one, head_scores)
            other = mask.keep[plan.places]
            size = int(kept.sum())
            if like:
                chance = salience_chance(
                    one.labels, one.centres, one.ranking, one.layer_of, other, guard=one.options.guard
                )
            else:
                chance = hypergeometric(size, int(other.sum()), len(plan))
            rows.append((k, size, int(np.count_nonzero(kept & other)), *chance))
            progress.step()
    table = pd.DataFrame(rows, columns=["k", "kept", "shared", "mean", "low", "high"])
    table.attrs = {"chance": "salience" if like else "hypergeometric"}
    return table


def _as_choices(kept_a: np.ndarray, kept_b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    kept_a, kept_b = np.asarray(kept_a, dtype=bool), np.asarray(kept_b, dtype=bool)
    if kept_a.shape != kept_b.shape:
        raise ScoreError(
            f"Choices of {kept_a.size} and {kept_b.size} heads cannot be compared; take both from one model."
        )
    return kept_a, kept_b
