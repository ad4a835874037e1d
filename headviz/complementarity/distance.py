"""Distances between heads: a registry, `distances`, with one entry per idea of what makes two heads alike.

A distance is computed from *parts* of heads, an array (N, parts, ...): what matched noise shuffles over heads one part
at a time, which keeps each part's distribution and destroys what the parts of one head share.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from headviz.complementarity.streamed import Parts, Streamed, blocks_of, permuted
from headviz.errors import ScoreError
from headviz.glossary import glossary
from headviz.registry import Registry

if TYPE_CHECKING:
    from headviz.complementarity.presets import PlanOptions
    from headviz.complementarity.signature import Signatures

_CLOSE = 1e-4  # of the largest distance: below it the quick formula has too few digits


@dataclass(frozen=True)
class Distance:
    """``parts(signatures, options, null)`` gives (N, parts, ...), with ``null`` those of that permutation of the
    labels, and `Streamed` where that would be too large; ``between(parts)`` (N, N) float64; ``euclidean`` whether that
    is the Euclidean distance of the flat parts."""

    name: str
    title: str
    term: str
    parts: Callable[[Signatures, PlanOptions, int | None], Parts]
    between: Callable[[Any], np.ndarray]
    euclidean: bool = False
    by_class: bool = False

    @property
    def explain(self) -> str:
        return glossary[self.term].sentence


distances: Registry[Distance] = Registry("distance", ScoreError)


def shuffled(parts: Parts, seed: int) -> Parts:
    """``parts`` (N, parts, ...) with each part permuted over heads on its own."""
    if isinstance(parts, Streamed):
        return parts.shuffled(seed)
    return permuted(parts, np.random.default_rng(seed))


def euclidean(rows: Parts) -> np.ndarray:
    """Euclidean distances (N, N) float64 between ``rows`` (N, F)."""
    inner = np.zeros((len(rows), len(rows)))
    for block in blocks_of(rows):
        centred = block.astype(np.float64)
        centred -= centred.mean(axis=0)
        inner += centred @ centred.T
    square = np.diagonal(inner)
    found = np.sqrt(np.maximum(square[:, None] + square - 2 * inner, 0))
    np.fill_diagonal(found, 0)
    # close rows lose their digits in that difference: they are taken one by one
    close = np.argwhere(np.triu(found <= _CLOSE * max(found.max(), np.sqrt(square.max())), 1))
    if len(close):
        exact = np.zeros(len(close))
        for block in blocks_of(rows):
            for place, (i, j) in enumerate(close):
                difference = block[i].astype(np.float64) - block[j]
                exact[place] += difference @ difference
        found[tuple(close.T)] = found[tuple(close.T[::-1])] = np.sqrt(exact)
    return (found + found.T) / 2


def _jm(signatures: Signatures, options: PlanOptions, null: int | None) -> Parts:
    return signatures.parts_by(options, null=null)


def _mean_maps(signatures: Signatures, options: PlanOptions, null: int | None) -> np.ndarray:
    mean, counts = signatures.mean[:, signatures.usable], signatures.counts[signatures.usable]
    pooled = np.tensordot(mean, counts / counts.sum(), axes=(1, 0))  # (N, g, g)
    return pooled / pooled.sum(axis=2, keepdims=True)


def jensen_shannon(maps: np.ndarray) -> np.ndarray:
    """``maps`` (N, queries, keys), rows summing to 1: the mean over queries of the square root of the Jensen-Shannon
    divergence to base 2, in [0, 1]."""

    def entropy(rows: np.ndarray) -> np.ndarray:
        return -(rows * np.log2(np.where(rows > 0, rows, 1))).sum(axis=-1)

    own = entropy(maps)
    found = np.zeros((len(maps), len(maps)))
    for i in range(len(maps) - 1):
        divergence = entropy((maps[i] + maps[i + 1 :]) / 2) - (own[i] + own[i + 1 :]) / 2
        found[i, i + 1 :] = np.sqrt(np.clip(divergence, 0, 1)).mean(axis=-1)
    return found + found.T


def _outputs(signatures: Signatures, options: PlanOptions, null: int | None) -> np.ndarray:
    if signatures.outputs is None:
        raise ScoreError(
            'distance="cka" compares head outputs, and these signatures kept none. Take them with probe=256.'
        )
    return signatures.outputs.swapaxes(0, 1)


def one_minus_cka(outputs: np.ndarray) -> np.ndarray:
    """``outputs`` (N, examples, d): 1 less the linear CKA of each two heads (Kornblith et al. 2019), in [0, 1]: the
    cosine of their centred Gram matrices. A head whose output never changes is at 1 from every other."""
    centred = (outputs - outputs.mean(axis=1, keepdims=True)).astype(np.float32)
    grams = (centred @ centred.swapaxes(1, 2)).reshape(len(outputs), -1)
    norms = np.linalg.norm(grams, axis=1, keepdims=True)
    grams /= np.where(norms > 0, norms, 1)
    found = np.clip(1 - (grams @ grams.T).astype(np.float64), 0, 1)
    found = (found + found.T) / 2
    np.fill_diagonal(found, 0)
    return found


def _register(distance: Distance) -> None:
    distances.register(distance.name, distance)


_register(Distance("jm", "Jeffries-Matusita features", "jm_distance", _jm, euclidean, euclidean=True, by_class=True))
_register(Distance("js", "Jensen-Shannon of mean maps", "jensen_shannon", _mean_maps, jensen_shannon))
_register(Distance("cka", "1 - CKA of head outputs", "cka", _outputs, one_minus_cka))
