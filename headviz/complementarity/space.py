"""Spaces in which heads are clustered: a registry, `spaces`: the t-SNE plane, the first two principal coordinates, or
the distances themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from headviz.complementarity.distance import Distance, euclidean
from headviz.complementarity.streamed import Parts, Streamed
from headviz.errors import ScoreError
from headviz.glossary import glossary
from headviz.registry import Registry

if TYPE_CHECKING:
    from headviz.complementarity.presets import PlanOptions

_SAME = 1e-7  # of the largest distance: rows closer than that are one row
_ALIKE = 1e-9
_FEWEST_ROWS = 4
_WIDE = 2**16  # features beyond which t-SNE gets rotated heads: it takes 128 MB for these


@dataclass(frozen=True, eq=False)
class Placed:
    """Heads in a space: ``coordinates`` (N, 2) to draw, ``distances`` (N, N) to cluster by, ``apart`` (N, N) as they
    were before the space, ``distinct`` rows, ``space`` in use, ``notes``."""

    coordinates: np.ndarray
    distances: np.ndarray
    apart: np.ndarray
    distinct: int
    space: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Space:
    """``place(parts, apart, distance, options)`` gives coordinates (n, 2) and distances (n, n) of distinct heads from
    their parts and the distances ``apart`` (n, n) between those."""

    name: str
    title: str
    term: str
    place: Callable[[Parts, np.ndarray, Distance, PlanOptions], tuple[np.ndarray, np.ndarray]]

    @property
    def explain(self) -> str:
        return glossary[self.term].sentence


spaces: Registry[Space] = Registry("space", ScoreError)


def place(parts: Parts, distance: Distance, options: PlanOptions) -> Placed:
    """Heads in the space that ``options`` name. Identical heads share a place: t-SNE ends the whole process on some of
    them, and medoids among them would be arbitrary. With fewer than 4 distinct heads the distances themselves are
    taken.

    Raises ScoreError when all heads are alike.
    """
    chosen, notes = spaces[options.space], []
    apart = distance.between(parts)
    if not np.isfinite(apart).all():
        raise ScoreError("Some distances between heads are not finite numbers; load the model in float32.")
    if apart.max() < _ALIKE:
        raise ScoreError("All heads behave alike on this data; there is nothing to choose between.")
    row_of = same_rows(apart)
    first = np.unique(row_of, return_index=True)[1]
    if len(first) < len(parts):
        notes.append(f"{len(parts) - len(first)} heads behave exactly like another; such heads share one point.")
    if len(first) < _FEWEST_ROWS and chosen.name != "features":
        chosen = spaces["features"]
        notes.append(f"Only {len(first)} heads differ, too few for a plane: distances are used as they are.")
    if chosen.name == "tsne" and options.init == "pca" and not distance.euclidean:
        notes.append('t-SNE on distances starts at random: "pca" needs features.')
    kept = parts.of(first) if isinstance(parts, Streamed) else parts[first]
    coordinates, distances = chosen.place(kept, apart[np.ix_(first, first)], distance, options)
    whole = np.ix_(row_of, row_of)
    return Placed(coordinates[row_of], distances[whole], apart, len(first), chosen.name, tuple(notes))


def same_rows(apart: np.ndarray) -> np.ndarray:
    """(N,) int: the number of each head's distinct row, in order of first appearance."""
    row_of, found = np.full(len(apart), -1), 0
    for head in range(len(apart)):
        if row_of[head] < 0:
            row_of[(row_of < 0) & (apart[head] <= _SAME * apart.max())] = found
            found += 1
    return row_of


def principal_coordinates(apart: np.ndarray, axes: int = 2) -> np.ndarray:
    """(N, axes): classical scaling of distances (N, N), which is PCA where they are Euclidean; the largest entry of
    each axis is positive. N - 1 axes keep Euclidean distances as they are, up to rounding."""
    middle = np.square(apart)
    middle = middle - middle.mean(axis=0) - middle.mean(axis=1)[:, None] + middle.mean()
    values, vectors = np.linalg.eigh(-middle / 2)
    found = vectors[:, -axes:][:, ::-1] * np.sqrt(np.maximum(values[-axes:][::-1], 0))
    if found.shape[1] < axes:
        found = np.pad(found, ((0, 0), (0, axes - found.shape[1])))
    return found * np.where(found[np.abs(found).argmax(axis=0), np.arange(axes)] < 0, -1, 1)


def _rows(parts: Parts, apart: np.ndarray) -> np.ndarray:
    """(n, F) float32: the features of heads as t-SNE takes them. Where there are many, the heads are rotated into the
    n - 1 dimensions that they span, which changes no distance: t-SNE takes some 2 kB of memory for each feature."""
    if isinstance(parts, Streamed) or parts[0].size > _WIDE:
        return principal_coordinates(apart, len(parts) - 1).astype(np.float32)
    return parts.reshape(len(parts), -1).astype(np.float32)


def _tsne(parts: Parts, apart: np.ndarray, distance: Distance, options: PlanOptions) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    features = distance.euclidean
    rows = _rows(parts, apart) if features else apart.astype(np.float32)
    settings = TSNE(
        n_components=2,
        perplexity=min(options.perplexity, (len(parts) - 1) / 3),
        init=options.init if features and rows.shape[1] > 1 else "random",
        learning_rate="auto",
        metric="euclidean" if features else "precomputed",
        random_state=options.seed,
        n_jobs=1,
    )
    with threadpool_limits(1):  # the order of sums, and so the last digits, would depend on the number of threads
        plane = settings.fit_transform(rows).astype(np.float64)
    return plane, euclidean(plane)


def _pca(parts: Parts, apart: np.ndarray, distance: Distance, options: PlanOptions) -> tuple[np.ndarray, np.ndarray]:
    plane = principal_coordinates(apart)
    return plane, euclidean(plane)


def _features(
    parts: Parts, apart: np.ndarray, distance: Distance, options: PlanOptions
) -> tuple[np.ndarray, np.ndarray]:
    return principal_coordinates(apart), apart


spaces.register("tsne", Space("tsne", "t-SNE plane", "tsne_plane", _tsne))
spaces.register("pca", Space("pca", "Principal coordinates", "principal_coordinates", _pca))
spaces.register("features", Space("features", "No reduction", "feature_space", _features))
