"""Shared heads: by hand, against scipy's quantiles, and in partitions small enough to count."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import headviz as hv
from headviz.complementarity.overlap import hypergeometric, jaccard, overlap_curve, salience_chance
from headviz.head_scores import HeadScores
from tests.complementarity.made import made


def chosen(n: int, *heads: int) -> np.ndarray:
    return np.isin(np.arange(n), heads)


def test_jaccard_is_shared_over_either() -> None:
    assert jaccard(chosen(6, 0, 1, 2), chosen(6, 1, 2, 3)) == 0.5
    assert jaccard(chosen(6, 0), chosen(6, 1)) == 0.0
    assert jaccard(chosen(6, 0, 5), chosen(6, 0, 5)) == 1.0
    assert jaccard(chosen(6), chosen(6)) == 1.0
    assert jaccard(chosen(6, 0).reshape(2, 3), chosen(6, 0, 1).reshape(2, 3)) == 0.5


def test_jaccard_of_two_random_fourteen_of_72_is_the_known_mean() -> None:
    first, mean = chosen(72, *range(14)), 0.0
    for shared in range(15):
        second = chosen(72, *range(14 - shared, 28 - shared))
        mean += comb(14, shared) * comb(58, 14 - shared) / comb(72, 14) * jaccard(first, second)
    assert mean == pytest.approx(0.1109, abs=5e-5)


def test_choices_of_different_models_are_refused() -> None:
    with pytest.raises(hv.ScoreError, match="6 and 5 heads"):
        jaccard(chosen(6), chosen(5))


@pytest.mark.parametrize(
    ("a", "b", "mean", "low", "high"),
    [(14, 14, 2.7, 0, 5), (15, 15, 3.1, 1, 6), (14, 19, 3.7, 1, 7), (36, 36, 18, 14, 22)],
)
def test_unrelated_choices_of_72_share_the_known_numbers(a: int, b: int, mean: float, low: int, high: int) -> None:
    found = hypergeometric(a, b, 72)
    assert found == (pytest.approx(mean, abs=0.05), low, high)


@given(st.integers(1, 300), st.data())
def test_band_holds_scipys_quantiles(n: int, data: st.DataObject) -> None:
    from scipy.stats import hypergeom

    a, b = data.draw(st.integers(0, n)), data.draw(st.integers(0, n))
    _, low, high = hypergeometric(a, b, n)
    law = hypergeom(n, a, b)
    for end, level in ((low, 0.025), (high, 0.975)):
        assert law.cdf(end) >= level - 1e-9 and (end == 0 or law.cdf(end - 1) < level + 1e-9)


def test_more_heads_than_there_are_is_refused() -> None:
    for counts in ((5, 1, 4), (1, -1, 4), (0, 0, 0)):
        with pytest.raises(hv.ScoreError):
            hypergeometric(*counts)


def test_salience_chance_of_a_lone_head_and_the_rest_is_counted_by_hand() -> None:
    # The top head always stays. The second stays when it is the lone one, or the top one is: 2 of 8 partitions.
    labels = np.array([0, 1, 1, 1, 1, 1, 1, 1])
    layers, salience = np.zeros(8, dtype=int), np.arange(8.0)
    mean, low, high = salience_chance(labels, [0, 1], salience, layers, chosen(8, 6, 7), draws=4000)
    assert mean == pytest.approx(1.25, abs=0.03) and (low, high) == (1.0, 2.0)


def test_salience_chance_with_a_cluster_for_each_head_is_certain() -> None:
    args = (np.arange(6), np.arange(6), np.arange(6.0), np.zeros(6, dtype=int), chosen(6, 1, 4))
    assert salience_chance(*args, draws=20) == (2.0, 2.0, 2.0)


def test_salience_chance_counts_rescued_heads_under_the_guard_alone() -> None:
    labels, layers = np.zeros(4, dtype=int), np.array([0, 0, 1, 1])
    args = (labels, [0], np.array([4.0, 3.0, 2.0, 1.0]), layers, chosen(4, 0, 2))
    assert salience_chance(*args, draws=5) == (2.0, 2.0, 2.0)
    assert salience_chance(*args, draws=5, guard=False) == (1.0, 1.0, 1.0)


def test_salience_chance_is_far_above_the_hypergeometric_one() -> None:
    labels, salience = np.arange(72) % 14, np.random.default_rng(0).permutation(72).astype(float)
    args = (labels, np.arange(14), salience, np.zeros(72, dtype=int), salience >= 58)
    mean, low, _ = salience_chance(*args)
    assert 8.8 <= mean <= 9.8 and low > hypergeometric(14, 14, 72)[2]
    assert salience_chance(*args, seed=3) == salience_chance(*args, seed=3) != salience_chance(*args, seed=4)


@pytest.mark.parametrize("draws", [0, 2.0, True])
def test_draws_that_are_no_count_are_refused(draws: object) -> None:
    with pytest.raises(hv.ScoreError, match="draws"):
        salience_chance([0, 0], [0], [1.0, 2.0], [0, 0], chosen(2, 1), draws=draws)


def test_overlap_curve_counts_shared_heads_at_each_number() -> None:
    plan = hv.cahp(made(), space="pca", guard=False)
    scores = HeadScores(np.arange(24.0).reshape(4, 6), "made", {}, plan.provenance)
    curve = overlap_curve(plan, scores, [3, 10])
    for row in curve.itertuples():
        best = {f"L{head // 6}H{head % 6}" for head in range(24 - row.k, 24)}
        assert row.shared == len(best & set(plan.with_count(row.k).mask.kept))
        assert (row.mean, row.low, row.high) == hypergeometric(row.k, row.k, 24)
    assert curve.attrs["chance"] == "hypergeometric"


def test_overlap_with_what_follows_salience_has_the_chance_of_salience() -> None:
    plan = hv.cahp(made(), space="pca")
    assert plan.salience is not None
    scores = HeadScores(plan.salience.reshape(4, 6), "his", {}, plan.provenance)
    curve = overlap_curve(plan, scores, [8])
    one = plan.with_count(8)
    other = one.top(scores).keep.ravel()
    expected = salience_chance(one.labels, one.centres, one.ranking, one.layer_of, other)
    assert tuple(curve.loc[0, ["mean", "low", "high"]]) == pytest.approx(expected)
    assert curve.attrs["chance"] == "salience"
    medoids = hv.cahp(made(), space="pca", representative="medoid")
    assert overlap_curve(medoids, scores, [8]).attrs["chance"] == "hypergeometric"
