"""Spaces: principal coordinates against an ordinary PCA, and one place for identical heads."""

from __future__ import annotations

import numpy as np
import pytest

import headviz as hv
from headviz.complementarity.distance import euclidean
from headviz.complementarity.space import principal_coordinates, same_rows, spaces


def test_registry_has_the_spaces_of_the_contract_each_with_a_sentence() -> None:
    assert list(hv.spaces) == ["tsne", "pca", "features"]
    assert all(space.explain.endswith(".") for space in spaces.values())
    with pytest.raises(hv.ScoreError, match="no space 'umap'"):
        _ = hv.spaces["umap"]


def test_principal_coordinates_of_euclidean_distances_are_those_of_pca() -> None:
    rows = np.random.default_rng(0).standard_normal((15, 6)) * [5, 3, 1, 1, 1, 1]
    centred = rows - rows.mean(axis=0)
    _, _, axes = np.linalg.svd(centred)
    expected = centred @ axes[:2].T
    found = principal_coordinates(euclidean(rows))
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-9)
    assert (found[np.abs(found).argmax(axis=0), [0, 1]] > 0).all()


def test_same_rows_are_numbered_as_they_first_appear() -> None:
    places = np.array([4.0, 1, 4, 7, 1, 4 + 1e-8])
    assert same_rows(np.abs(places[:, None] - places)).tolist() == [0, 1, 0, 2, 1, 0]


def test_one_row_and_one_axis_have_coordinates_too() -> None:
    assert principal_coordinates(np.zeros((1, 1))).tolist() == [[0, 0]]
    line = principal_coordinates(np.array([[0.0, 2], [2, 0]]))
    np.testing.assert_allclose(np.abs(line), [[1, 0], [1, 0]], atol=1e-9)
