"""How well heads lie in their clusters: the simplified silhouette, which looks at medoids alone."""

from __future__ import annotations

import math

import numpy as np

from headviz.errors import ScoreError

FORMS = ("mean", "nearest")


def simplified_silhouette(distances: np.ndarray, labels: np.ndarray, medoids: np.ndarray, form: str = "mean") -> float:
    """The mean over heads of (b - a) / max(a, b), where a is the distance to the head's own medoid; at most 1.

    ``distances``: (N, N). ``labels``: (N,) int, the place of each head's medoid in ``medoids`` (k,) int.
    ``form="mean"``: b is the mean distance to the other medoids, and heads with a = 0, which are the medoids and what
    lies on them, are left out (Levin, Singer 2024); 1 where none is left. ``form="nearest"``: b is the distance to the
    nearest other medoid, all heads count, 0 / 0 is 1 (the medoid silhouette of Lenssen, Schubert 2023).
    NaN for one cluster. Raises ScoreError for an unknown form or arrays that do not belong together.
    """
    distances = np.asarray(distances, dtype=np.float64)
    labels, medoids = np.asarray(labels), np.asarray(medoids)
    if form not in FORMS:
        raise ScoreError(f"The form of the silhouette must be one of {', '.join(FORMS)}; it is {form!r}.")
    n, k = len(labels), len(medoids)
    if distances.shape != (n, n) or not n or not k or labels.min() < 0 or labels.max() >= k:
        raise ScoreError(
            f"Distances of shape {distances.shape}, {n} labels and {k} medoids do not belong together. "
            "Take labels and medoids from one clustering of the heads that the distances are of."
        )
    if k == 1:
        return math.nan
    to_medoids = distances[medoids]  # (k, N): distances are symmetric, and rows are faster to take than columns
    heads = np.arange(n)
    own = to_medoids[labels, heads]
    to_medoids[labels, heads] = 0.0 if form == "mean" else np.inf
    other = to_medoids.sum(axis=0) / (k - 1) if form == "mean" else to_medoids.min(axis=0)
    counted = own > 0 if form == "mean" else np.ones(n, dtype=bool)
    if not counted.any():
        return 1.0
    larger = np.maximum(own, other)
    values = np.divide(other - own, larger, out=np.ones(n), where=larger > 0)
    return float(values[counted].mean())
