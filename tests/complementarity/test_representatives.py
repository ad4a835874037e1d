"""Which heads stay: by hand, by the rules, and as known of a real model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import headviz as hv
from headviz.complementarity.representatives import REPRESENTATIVES, pick_heads

# Three layers of two heads; both clusters lie in the first two layers and share the third.
LABELS = np.array([0, 1, 0, 1, 0, 1])
MEDOIDS = np.array([4, 3])
LAYERS = np.array([0, 0, 1, 1, 2, 2])
SALIENCE = np.array([9.0, 8.0, 1.0, 2.0, 4.0, 4.0])


def test_most_salient_head_of_each_cluster_stays_and_empty_layers_get_one_back() -> None:
    kept, rescued = hv.pick_heads(LABELS, MEDOIDS, SALIENCE, LAYERS)
    assert np.flatnonzero(kept).tolist() == [0, 1, 3, 4]
    assert np.flatnonzero(rescued).tolist() == [3, 4]  # of the tied 4 and 5 the lower
    assert kept.dtype == rescued.dtype == bool


def test_without_the_guard_layers_may_be_empty() -> None:
    kept, rescued = pick_heads(LABELS, MEDOIDS, SALIENCE, LAYERS, guard=False)
    assert np.flatnonzero(kept).tolist() == [0, 1] and not rescued.any()


def test_medoids_stay_when_asked_and_the_guard_goes_by_salience() -> None:
    kept, rescued = pick_heads(LABELS, MEDOIDS, SALIENCE, LAYERS, "medoid")
    assert np.flatnonzero(kept).tolist() == [0, 3, 4] and np.flatnonzero(rescued).tolist() == [0]


def test_ties_of_salience_go_to_the_lower_index() -> None:
    kept, _ = pick_heads(LABELS, MEDOIDS, np.zeros(6), LAYERS, guard=False)
    assert np.flatnonzero(kept).tolist() == [0, 1]


def test_random_members_follow_the_seed_and_each_comes_up() -> None:
    drawn = [pick_heads(LABELS, MEDOIDS, SALIENCE, LAYERS, "random", False, seed)[0] for seed in range(60)]
    again = pick_heads(LABELS, MEDOIDS, SALIENCE, LAYERS, "random", False, 7)[0]
    assert np.array_equal(drawn[7], again)
    assert np.any(drawn, axis=0).all()
    assert all(LABELS[kept].tolist() in ([0, 1], [1, 0]) for kept in drawn)


@given(st.integers(1, 40), st.integers(0, 10**6), st.sampled_from(REPRESENTATIVES), st.booleans(), st.data())
def test_each_cluster_keeps_one_and_the_guard_leaves_no_layer_empty(
    n: int, seed: int, representative: str, guard: bool, data: Any
) -> None:
    rng, k = np.random.default_rng(seed), data.draw(st.integers(1, n))
    medoids = np.sort(rng.permutation(n)[:k])
    labels = rng.integers(0, k, n)
    labels[medoids] = np.arange(k)
    layers, salience = np.sort(rng.integers(0, 5, n)) * 2, rng.integers(0, 6, n)
    kept, rescued = pick_heads(labels, medoids, salience, layers, representative, guard, seed)
    picked = kept & ~rescued
    assert not (rescued & ~kept).any() and sorted(labels[picked]) == list(range(k))
    if representative == "salience":
        for head in np.flatnonzero(picked):
            assert salience[head] == salience[labels == labels[head]].max()
    empty = set(layers) - set(layers[picked])
    assert sorted(layers[rescued]) == (sorted(empty) if guard else [])
    for head in np.flatnonzero(rescued):
        assert head == np.flatnonzero(layers == layers[head])[salience[layers == layers[head]].argmax()]


def test_unknown_representative_is_refused() -> None:
    with pytest.raises(hv.ScoreError, match="salience, medoid, random"):
        pick_heads(LABELS, MEDOIDS, SALIENCE, LAYERS, "best")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"salience": SALIENCE[:5]}, "6, 5 and 6"),
        ({"layers": LAYERS[:4]}, "6, 6 and 4"),
        ({"labels": np.array([0, 0, 0, 0, 0, 0])}, "each must occur"),
        ({"labels": np.array([0, 1, 2, 0, 0, 0])}, "0 to 1"),
        ({"medoids": np.array([0, 6])}, "0 to 5"),
        ({"salience": np.where(SALIENCE == 1, np.nan, SALIENCE)}, "head 2"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change: dict[str, Any], words: str) -> None:
    given_ = {"labels": LABELS, "medoids": MEDOIDS, "salience": SALIENCE, "layers": LAYERS}
    with pytest.raises(hv.ScoreError, match=words):
        pick_heads(**{**given_, **change})


def test_bad_seed_is_refused() -> None:
    with pytest.raises(hv.ScoreError, match="seed"):
        pick_heads(LABELS, MEDOIDS, SALIENCE, LAYERS, "random", seed=-1)


def test_heads_of_the_measured_clusters_are_the_known_ones(shared: Path) -> None:
    known = np.load(shared / "data" / "cahp" / "reference.npz")
    layers = np.arange(72) // 12
    for place, knee in enumerate(known["knee_reference"]):
        row = int(knee) - 2
        labels, medoids = known["labels_reference"][row], known["medoids_reference"][row][:knee]
        kept, rescued = pick_heads(labels, medoids, known["salience_reference"], layers)
        np.testing.assert_array_equal(kept, known["kept_reference"][place].ravel())
        np.testing.assert_array_equal(rescued, known["rescued_reference"][place].ravel())
