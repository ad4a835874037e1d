"""Classes of examples: bins of equal count, permutations and bootstrap samples."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headviz.complementarity.classes import Classes, quantile_bins


def test_bins_have_equal_counts_and_keep_ties_together() -> None:
    assert quantile_bins(np.arange(8.0), 4).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert quantile_bins(np.array([1.0, 1, 1, 1, 1, 2, 3, 4]), 4).tolist() == [0, 0, 0, 0, 0, 1, 2, 2]
    assert quantile_bins(np.full(5, 2.0), 4).tolist() == [0] * 5


@given(st.lists(st.integers(0, 9), min_size=1, max_size=60), st.integers(2, 6))
def test_bins_rise_with_the_target_and_leave_no_number_out(targets: list[int], bins: int) -> None:
    found = quantile_bins(np.array(targets, dtype=float), bins)
    assert set(found.tolist()) == set(range(found.max() + 1)) and found.max() < bins
    order = np.argsort(targets, kind="stable")
    assert (np.diff(found[order]) >= 0).all()
    for value in set(targets):
        assert len(set(found[np.array(targets) == value].tolist())) == 1


def test_permutations_and_resamples_keep_the_class_counts_and_repeat_with_their_seed() -> None:
    classes = Classes(np.array([0, 0, 1, 1, 1, 3]), ("a", "b", "c", "d"))
    assert classes.counts.tolist() == [2, 3, 0, 1]
    for made in (classes.permuted, classes.resampled):
        weights = made(1)
        assert weights.sum(axis=0).tolist() == [2, 3, 0, 1]
        np.testing.assert_array_equal(weights, made(1))
    drawn = classes.resampled(5)
    assert (drawn[classes.one_hot == 0] == 0).all()  # within each class
    np.testing.assert_array_equal(classes.means_of(np.arange(6.0)), [0.5, 3, np.nan, 5])
