"""Features in blocks: the same figures as of the whole array, in a bounded memory, however many classes there are."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

import headviz as hv
from headviz.complementarity import signature, streamed
from headviz.complementarity.distance import distances, euclidean, shuffled
from headviz.complementarity.noise import noise_curves
from headviz.complementarity.space import principal_coordinates
from headviz.complementarity.streamed import Streamed
from headviz.errors import Cancelled
from tests.complementarity.made import made


@pytest.fixture
def blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is streamed, two class pairs of 24 heads and 16 cells at a time."""
    monkeypatch.setattr(streamed, "AT_ONCE", 0)
    monkeypatch.setattr(streamed, "BLOCK", 2 * 24 * 16)


def parts_of(signatures: hv.Signatures, **options: Any) -> Any:
    return distances["jm"].parts(signatures, hv.cahp(signatures, space="pca", **options).options, None)


def test_blocks_are_the_features_and_so_are_their_distances_and_shuffles(blocks: None) -> None:
    signatures = made(classes=5, groups=20)
    whole, parts = signatures.features(), parts_of(signatures)
    assert isinstance(parts, Streamed) and parts.blocks == 5 and len(list(parts)) == 5
    np.testing.assert_array_equal(np.concatenate(list(parts), axis=1), whole)
    found = euclidean(parts)
    np.testing.assert_allclose(found, euclidean(whole), rtol=1e-12)
    assert found[0, 20] == found[3, 23] == 0  # copies
    mixed = shuffled(parts, 3)
    assert isinstance(mixed, Streamed)
    for _ in range(2):  # made anew each time, and the same
        np.testing.assert_array_equal(np.concatenate(list(mixed), axis=1), shuffled(whole, 3))


@pytest.mark.parametrize("options", [{"space": "pca"}, {"space": "features"}, {"distance": "js", "space": "pca"}])
def test_plan_of_blocks_is_the_plan_of_the_whole(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    signatures = made(classes=5)
    expected = hv.cahp(signatures, **options)
    monkeypatch.setattr(streamed, "AT_ONCE", 0)
    monkeypatch.setattr(streamed, "BLOCK", 2 * 24 * 16)
    found = hv.cahp(signatures, **options)
    np.testing.assert_allclose(found.placed.distances, expected.placed.distances, rtol=1e-9, atol=1e-9)
    assert found.notes == expected.notes
    for name in ("separability", "floor", "above_floor"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-12)
    assert {len(curves) for curves in noise_curves(found, 2).values()} == {2}


def test_streamed_lengths_go_with_the_same_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    signatures = made(classes=5, lengths=np.array([3.0, 9.0, 4.0, 20.0, 7.0]))
    expected = signatures.length_correlation()
    monkeypatch.setattr(streamed, "AT_ONCE", 0)
    assert expected is not None and signatures.length_correlation() == pytest.approx(expected, rel=1e-12)


def test_heads_rotated_into_as_many_dimensions_as_they_span_are_as_far_apart() -> None:
    rows = np.random.default_rng(0).standard_normal((9, 500))
    apart = euclidean(rows)
    rotated = principal_coordinates(apart, 8)
    assert rotated.shape == (9, 8)
    np.testing.assert_allclose(euclidean(rotated), apart, rtol=1e-10)


def test_plane_of_many_features_is_the_plane_of_the_rotated_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    class Plane:
        def __init__(self, **settings: Any) -> None:
            assert settings["metric"] == "euclidean"

        def fit_transform(self, rows: np.ndarray) -> np.ndarray:
            seen.append(rows)
            return rows[:, :2]

    monkeypatch.setattr("sklearn.manifold.TSNE", Plane)
    signatures = made(classes=5)
    hv.cahp(signatures)
    monkeypatch.setattr("headviz.complementarity.space._WIDE", 159)
    hv.cahp(signatures)
    assert [one.shape for one in seen] == [(24, 160), (24, 23)]
    np.testing.assert_allclose(euclidean(seen[1]), euclidean(seen[0]), rtol=1e-5)


def test_streamed_plan_can_be_stopped_between_blocks(blocks: None) -> None:
    class Later:
        asked = 0

        def is_set(self) -> bool:
            self.asked += 1
            return self.asked > 4

    with pytest.raises(Cancelled):
        hv.cahp(made(classes=5), space="pca", cancel=Later())
    plan = hv.cahp(made(classes=5), space="pca").with_count(8)
    with pytest.raises(Cancelled):
        noise_curves(plan, 1, cancel=Later())
    with pytest.raises(Cancelled):
        plan.stability(1, 0, cancel=Later())


def test_plan_of_a_hundred_classes_takes_a_small_part_of_its_features() -> None:
    signatures = made((12, 12, 12, 12), classes=100, grid=12, nulls=0, examples=500, groups=48)
    whole = 4 * 48 * (100 * 99 // 2) * 144  # 137 MB
    hv.cahp(made(), space="pca")  # what is imported once
    tracemalloc.start()
    try:
        hv.cahp(signatures)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < whole / 2, f"{most / 1e6:.0f} MB"


def test_one_head_is_looked_at_without_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    signatures = made(classes=4)
    expected = signatures.features()[5].reshape(6, 4, 4)
    monkeypatch.setenv("HEADVIZ_MEMORY", "1kb")
    with pytest.raises(hv.ScoreError, match="6 pairs of 4 classes, 4 x 4 cells of each, 24 heads"):
        signatures.features()
    np.testing.assert_array_equal(signatures.features_of(5), expected)


def test_resamples_that_do_not_fit_together_are_taken_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    signatures = made(classes=3)
    of_one = 2 * 8 * 3 * 24 * 16
    monkeypatch.setenv("HEADVIZ_MEMORY", f"{3 * of_one}b")
    assert signature.resamples_at_once(signatures) == 3
    monkeypatch.setenv("HEADVIZ_MEMORY", "1b")
    assert signature.resamples_at_once(signatures) == 1
