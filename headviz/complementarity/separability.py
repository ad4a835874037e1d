"""Separability: how far the classes lie apart in each cell of a head's signature, by the Jeffries-Matusita distance.

For classes c and d with means m and variances v' (floor included) of one cell:
B = (m_c - m_d)^2 / (4 (v'_c + v'_d)) + 1/2 ln((v'_c + v'_d) / (2 sqrt(v'_c v'_d))) and JM = 2 (1 - exp(-B)), which is
the Bhattacharyya distance of two normal distributions: 1/4 belongs to the sum of the variances as 1/8 does to their
mean.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from headviz.complementarity.streamed import Streamed


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
    blocks = jm_blocks(mean, variance, coefficient=coefficient, jm=jm, eps=eps, eps_rule=eps_rule)
    return next(iter(blocks))


def jm_blocks(
    mean: np.ndarray,
    variance: np.ndarray,
    classes: Sequence[int] | None = None,
    *,
    coefficient: float,
    jm: str,
    eps: float,
    eps_rule: str,
    at_once: int | None = None,
) -> Streamed:
    """`jm_features` of some ``classes`` (None: of all) in blocks of ``at_once`` class pairs (None: all in one)."""
    heads = len(mean)
    mean, variance = (values.reshape(*values.shape[:2], -1) for values in (mean, variance))
    cells, pairs = mean.shape[2], list(combinations(range(mean.shape[1]) if classes is None else classes, 2))
    size = max(1, len(pairs)) if at_once is None else at_once

    def floored(number: int) -> np.ndarray:
        return variance[:, number] + eps if eps_rule == "add" else np.maximum(variance[:, number], eps)

    def made() -> Iterator[np.ndarray]:
        for first in range(0, max(1, len(pairs)), size):
            chosen = pairs[first : first + size]
            features = np.empty((heads, len(chosen) * cells), dtype=np.float32)
            for number, (c, d) in enumerate(chosen):
                one, other = floored(c), floored(d)
                total = one + other
                bhattacharyya = coefficient * np.square(mean[:, c] - mean[:, d]) / total
                bhattacharyya += 0.5 * np.log(total / (2 * np.sqrt(one * other)))
                apart = -2 * np.expm1(-np.maximum(bhattacharyya, 0))
                features[:, number * cells : (number + 1) * cells] = np.sqrt(apart) if jm == "root" else apart
            yield features

    return Streamed(heads, len(pairs) * cells, max(1, math.ceil(len(pairs) / size)), made)


def cells_in_use(mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """(g * g,) bool: False for cells that are 0 in every head and class, as those above the diagonal of causal models;
    they say nothing and count in no mean."""
    return ((mean != 0) | (variance != 0)).any(axis=(0, 1)).ravel()
