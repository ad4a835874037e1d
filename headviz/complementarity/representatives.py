"""Which head of each cluster stays, and which empty layers get one back."""

from __future__ import annotations

import numpy as np

from headviz.errors import ScoreError
from headviz.stats import generator

REPRESENTATIVES = ("salience", "medoid", "random")


def pick_heads(
    labels: np.ndarray,
    medoids: np.ndarray,
    salience: np.ndarray,
    layers: np.ndarray,
    representative: str = "salience",
    guard: bool = True,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """One head of each cluster, and with ``guard`` the most salient head of each layer that is left without any.

    ``labels``: (N,) int, each head's cluster, 0 to k - 1. ``medoids``: (k,) int. ``salience``: (N,), larger = sooner
    kept. ``layers``: (N,) int, the layer each head is in. ``representative``: the cluster's most salient head, its
    "medoid", or one at "random" (by ``seed``). Ties go to the lower index. Returns kept and rescued, (N,) bool each;
    kept includes the rescued.

    Raises ScoreError for an unknown representative, a salience without an order, or arrays that do not fit.
    """
    labels, medoids, layers = np.asarray(labels), np.asarray(medoids), np.asarray(layers)
    salience = np.asarray(salience, dtype=np.float64)
    _require_fit(labels, medoids, salience, layers)
    if representative not in REPRESENTATIVES:
        raise ScoreError(f"representative must be one of {', '.join(REPRESENTATIVES)}; it is {representative!r}.")
    by_salience = np.argsort(-salience, kind="stable")
    kept = np.zeros(len(labels), dtype=bool)
    if representative == "medoid":
        kept[medoids] = True
    else:
        order = by_salience if representative == "salience" else generator(seed).permutation(len(labels))
        kept[_first_of_each(labels, order)] = True
    rescued = rescue(kept, salience, layers) if guard else np.zeros_like(kept)
    return kept | rescued, rescued


def rescue(kept: np.ndarray, salience: np.ndarray, layers: np.ndarray) -> np.ndarray:
    """(N,) bool: the most salient head of every layer of which ``kept`` (N,) has none; ties to the lower index."""
    best = _first_of_each(layers, np.argsort(-salience, kind="stable"))
    rescued = np.zeros_like(kept)
    rescued[best[~np.isin(layers[best], layers[kept])]] = True
    return rescued


def _first_of_each(groups: np.ndarray, order: np.ndarray) -> np.ndarray:
    """The head of each group that comes first in ``order``."""
    return order[np.unique(groups[order], return_index=True)[1]]


def _require_fit(labels: np.ndarray, medoids: np.ndarray, salience: np.ndarray, layers: np.ndarray) -> None:
    if labels.ndim != 1 or not len(labels) or not labels.shape == salience.shape == layers.shape:
        raise ScoreError(
            f"There must be one label, salience and layer for each head; there are {labels.size}, {salience.size} "
            f"and {layers.size}."
        )
    if not np.array_equal(np.unique(labels), np.arange(len(medoids))):
        raise ScoreError(f"With {len(medoids)} medoids, labels must be 0 to {len(medoids) - 1}, and each must occur.")
    if medoids.min() < 0 or medoids.max() >= len(labels):
        raise ScoreError(f"Medoids must be indices of heads, 0 to {len(labels) - 1}.")
    if np.isnan(salience).any():
        raise ScoreError(
            f"The salience of head {int(np.isnan(salience).argmax())} is not a number, so heads have no order. "
            "Give every head one."
        )
