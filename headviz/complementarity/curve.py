"""The silhouette curve over the number of clusters, and its knee at one polynomial degree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from headviz.complementarity.knee import find_knee, fit
from headviz.complementarity.medoids import all_medoids, nearest_medoid
from headviz.complementarity.silhouette import simplified_silhouette

if TYPE_CHECKING:
    import pandas as pd

    from headviz.complementarity.presets import PlanOptions
    from headviz.complementarity.space import Placed


@dataclass(frozen=True, eq=False)
class Curve:
    """Simplified silhouettes for k = 2, 3, ... clusters: ``mss`` and ``nearest`` (K,) float64; ``form`` that the knee
    is sought in; ``degree`` of the fit, None = no smoothing."""

    mss: np.ndarray
    nearest: np.ndarray
    form: str
    degree: int | None

    @property
    def counts(self) -> np.ndarray:
        """(K,) int: 2, 3, ..."""
        return np.arange(2, 2 + len(self.mss))

    @property
    def values(self) -> np.ndarray:
        """(K,): the form that decides."""
        return self.mss if self.form == "mean" else self.nearest

    @cached_property
    def k(self) -> int | None:
        """The number of clusters at the knee; None without one."""
        return find_knee(self.counts, self.values, self.degree) if len(self.mss) else None

    @property
    def curve(self) -> pd.DataFrame:
        """pandas: k, mss, nearest, fit, difference (how far the scaled fit rises above the diagonal)."""
        import pandas as pd

        fitted, difference = fit(self.counts, self.values, self.degree) if len(self.mss) else (self.mss, self.mss)
        return pd.DataFrame(
            {"k": self.counts, "mss": self.mss, "nearest": self.nearest, "fit": fitted, "difference": difference}
        )

    def with_degree(self, degree: int | None) -> Curve:
        """The same silhouettes under another degree: only the knee is sought again."""
        return replace(self, degree=degree)


def cluster(
    placed: Placed, options: PlanOptions, on_step: Callable[[], None] | None = None
) -> tuple[tuple[np.ndarray, ...], Curve]:
    """Medoids for k = 1 to (distinct heads - 1), and the curve. ``on_step()`` is called after each k."""
    most = max(1, placed.distinct - 1)
    medoids = all_medoids(placed.distances, most, options.start, options.seed, on_step=on_step)
    mss, nearest = np.empty(most - 1), np.empty(most - 1)
    for number, chosen in enumerate(medoids[1:]):
        labels = nearest_medoid(placed.distances, chosen)
        mss[number] = simplified_silhouette(placed.distances, labels, chosen, "mean")
        nearest[number] = simplified_silhouette(placed.distances, labels, chosen, "nearest")
    return tuple(medoids), Curve(mss, nearest, options.mss, options.degree)
