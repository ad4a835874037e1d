"""The simplified silhouette: known values, the bare definition, and the curve of a real model."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import headviz as hv
from headviz.complementarity.medoids import all_medoids, k_medoids, nearest_medoid
from headviz.complementarity.silhouette import simplified_silhouette


def on_line(*places: float) -> np.ndarray:
    return abs(np.array(places)[:, None] - np.array(places)).astype(float)


def slow(distances: np.ndarray, labels: np.ndarray, medoids: np.ndarray, form: str) -> float:
    values = []
    for head, label in enumerate(labels):
        a = distances[head, medoids[label]]
        others = [distances[head, medoid] for place, medoid in enumerate(medoids) if place != label]
        b = min(others) if form == "nearest" else sum(others) / len(others)
        if form == "mean" and a == 0:
            continue
        values.append((b - a) / max(a, b) if max(a, b) else 1.0)
    return sum(values) / len(values) if values else 1.0


@pytest.mark.parametrize(
    ("places", "k", "mean", "nearest"),
    [((0, 1, 2, 10, 11, 12), 2, 0.898990, 0.932660), ((0, 1, 2, 10, 11, 12, 30, 31, 32), 3, 0.947715, 0.943968)],
)
def test_silhouette_of_groups_on_a_line_is_the_known_one(
    places: tuple[float, ...], k: int, mean: float, nearest: float
) -> None:
    distances = on_line(*places)
    clusters = k_medoids(distances, k)
    assert hv.simplified_silhouette(distances, *clusters) == pytest.approx(mean, abs=5e-7)
    assert simplified_silhouette(distances, *clusters, form="nearest") == pytest.approx(nearest, abs=5e-7)


@given(st.integers(2, 20), st.integers(0, 10**6), st.sampled_from(["mean", "nearest"]), st.data())
def test_silhouette_equals_its_definition(n: int, seed: int, form: str, data: Any) -> None:
    points = np.random.default_rng(seed).integers(0, 4, (n, 2)).astype(float)  # with heads that coincide
    distances = np.sqrt(((points[:, None] - points) ** 2).sum(axis=-1))
    labels, medoids = k_medoids(distances, data.draw(st.integers(2, n)))
    found = simplified_silhouette(distances, labels, medoids, form)
    assert found == pytest.approx(slow(distances, labels, medoids, form), abs=1e-12)
    assert -1 <= found <= 1


@pytest.mark.parametrize("form", ["mean", "nearest"])
def test_silhouette_of_one_cluster_is_unknown(form: str) -> None:
    assert math.isnan(simplified_silhouette(on_line(0, 1, 5), [0, 0, 0], [1], form))


@pytest.mark.parametrize("form", ["mean", "nearest"])
def test_silhouette_of_heads_that_all_are_medoids_is_one(form: str) -> None:
    assert simplified_silhouette(on_line(0, 1, 5), [0, 1, 2], [0, 1, 2], form) == 1.0


def test_silhouette_of_identical_heads_is_one() -> None:
    for form in ("mean", "nearest"):
        assert simplified_silhouette(np.zeros((4, 4)), [0, 1, 0, 0], [0, 1], form) == 1.0


def test_unknown_form_and_foreign_clusters_are_refused() -> None:
    with pytest.raises(hv.ScoreError, match="mean, nearest"):
        simplified_silhouette(on_line(0, 1), [0, 1], [0, 1], "median")
    for labels, medoids in (([0, 1, 1], [0, 1]), ([0, 2], [0, 1]), ([0, -1], [0, 1]), ([0, 0], [])):
        with pytest.raises(hv.ScoreError, match="belong together"):
            simplified_silhouette(on_line(0, 1), labels, medoids)


def test_silhouettes_on_the_measured_plane_are_the_known_curves(shared: Path) -> None:
    known = np.load(shared / "data" / "cahp" / "reference.npz")
    plane = known["plane_reference"].astype(np.float64)
    distances = np.sqrt(((plane[:, None] - plane) ** 2).sum(axis=-1))
    given_clusters = [
        simplified_silhouette(distances, labels, medoids[:k])
        for k, labels, medoids in zip(known["k"], known["labels_reference"], known["medoids_reference"], strict=True)
    ]
    np.testing.assert_allclose(given_clusters, known["mss_reference"], atol=1e-6)
    own = [simplified_silhouette(distances, nearest_medoid(distances, m), m) for m in all_medoids(distances, 71)[1:]]
    np.testing.assert_allclose(own, known["mss_build"], atol=0.02)
