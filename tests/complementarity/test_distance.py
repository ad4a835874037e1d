"""Distances between heads: hand-worked values, slow references, and what shuffling keeps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import headviz as hv
from headviz.complementarity.distance import distances, euclidean, jensen_shannon, one_minus_cka, shuffled
from tests.complementarity.made import made


def test_registry_has_the_distances_of_the_contract_each_with_a_sentence() -> None:
    assert list(hv.distances) == ["jm", "js", "cka"]
    assert all(distance.explain.endswith(".") for distance in distances.values())
    with pytest.raises(hv.ScoreError, match="no distance 'jsd'"):
        _ = hv.distances["jsd"]


@given(st.integers(0, 2**31), st.floats(0, 1e4))
def test_euclidean_equals_the_norm_of_differences_also_far_from_zero(seed: int, offset: float) -> None:
    rows = np.random.default_rng(seed).standard_normal((7, 20)) + offset
    rows[3] = rows[1]
    rows[5] = rows[1] + 1e-9
    slow = np.linalg.norm(rows[:, None] - rows[None], axis=2)
    found = euclidean(rows)
    np.testing.assert_allclose(found, slow, rtol=1e-6, atol=1e-12 * max(1.0, offset))
    assert found[1, 3] == 0 and (found == found.T).all()


def test_jensen_shannon_is_one_between_maps_without_anything_in_common() -> None:
    diagonal, shifted = np.eye(4), np.roll(np.eye(4), 1, axis=1)
    found = jensen_shannon(np.stack([diagonal, shifted, diagonal]))
    np.testing.assert_allclose(found, [[0, 1, 0], [1, 0, 1], [0, 1, 0]], atol=1e-12)


def test_jensen_shannon_of_a_point_and_an_even_pair_is_worked_out_by_hand() -> None:
    point, pair = np.array([[1.0, 0.0]]), np.array([[0.5, 0.5]])
    # mixture (3/4, 1/4): entropy 0.811278 bits, less half of the pair's one bit
    expected = math.sqrt(-(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25)) - 0.5)
    assert jensen_shannon(np.stack([point, pair]))[0, 1] == pytest.approx(expected)


def test_cka_ignores_rotation_scale_and_shift_and_sees_everything_else() -> None:
    rng = np.random.default_rng(0)
    outputs = rng.standard_normal((30, 4))
    rotation = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    other = rng.standard_normal((30, 4))
    found = one_minus_cka(np.stack([outputs, 3 * outputs @ rotation + 5, other, np.ones((30, 4))]))
    assert found[0, 1] == pytest.approx(0, abs=1e-5)
    assert found[0, 3] == found[2, 3] == 1  # an output that never changes
    a, b = outputs - outputs.mean(0), other - other.mean(0)
    cka = np.linalg.norm(a.T @ b) ** 2 / (np.linalg.norm(a.T @ a) * np.linalg.norm(b.T @ b))
    assert found[0, 2] == pytest.approx(1 - cka, abs=1e-5)


@pytest.mark.parametrize("name", ["jm", "js", "cka"])
def test_shuffling_keeps_every_part_and_moves_it_between_heads(name: str) -> None:
    signatures = made(outputs=True)
    options = hv.cahp(signatures, space="pca").options
    parts = distances[name].parts(signatures, options, None)
    mixed = shuffled(parts, 3)
    assert mixed.shape == parts.shape and not np.array_equal(mixed, parts)
    for part in range(0, parts.shape[1], max(1, parts.shape[1] // 5)):
        before = sorted(parts[:, part].reshape(len(parts), -1).tolist())
        assert sorted(mixed[:, part].reshape(len(parts), -1).tolist()) == before
