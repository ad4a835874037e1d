"""Separability: how far the classes lie apart in each cell of a head's signature, by the Jeffries-Matusita distance.

For classes c and d with means m and variances v' (floor included) of one cell:
B = (m_c - m_d)^2 / (4 (v'_c + v'_d)) + 1/2 ln((v'_c + v'_d) / (2 sqrt(v'_c v'_d))) and JM = 2 (1 - exp(-B)), which is
the Bhattacharyya distance of two normal distributions: 1/4 belongs to the sum of the variances as 1/8 does to their
mean.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np


def jm_features(
    mean: np.ndarray,
    variance: np.ndarray,
    *,
    coefficient: float = 0.25,
    jm: str = "squared",
    eps: float,
    eps_rule: str = "add",
) -> np.ndarray:
    """``mean`` and ``variance`` (N, C, g, g) give (N, C (C - 1) / 2 * g * g) float32: class pairs in the order (0, 1),
    (0, 2), ..., each with its cells row by row; in [0, 2), or [0, sqrt 2) with ``jm="root"``.

    ``eps``: floor of the variances, added to them or, with ``eps_rule="max"``, put in the place of smaller ones.
    """
    heads, classes = mean.shape[:2]
    mean, variance = mean.reshape(heads, classes, -1), variance.reshape(heads, classes, -1)
    floored = variance + eps if eps_rule == "add" else np.maximum(variance, eps)
    pairs = list(combinations(range(classes), 2))
    cells = mean.shape[2]
    features = np.empty((heads, len(pairs) * cells), dtype=np.float32)
    for number, (c, d) in enumerate(pairs):
        total = floored[:, c] + floored[:, d]
        bhattacharyya = coefficient * np.square(mean[:, c] - mean[:, d]) / total
        bhattacharyya += 0.5 * np.log(total / (2 * np.sqrt(floored[:, c] * floored[:, d])))
        apart = -2 * np.expm1(-np.maximum(bhattacharyya, 0))
        features[:, number * cells : (number + 1) * cells] = np.sqrt(apart) if jm == "root" else apart
    return features


def cells_in_use(mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """(g * g,) bool: False for cells that are 0 in every head and class, as those above the diagonal of causal models;
    they say nothing and count in no mean."""
    return ((mean != 0) | (variance != 0)).any(axis=(0, 1)).ravel()
