"""Controls keep as many heads as the plan, under its guard, by the rule each is named after."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import headviz as hv
from headviz.complementarity.controls import filled
from headviz.head_scores import HeadScores
from tests.complementarity.made import made

PLAN = hv.cahp(made(), space="pca")


@pytest.mark.parametrize("k", [1, 4, 9, 20, 24])
@pytest.mark.parametrize("guard", [True, False])
def test_every_control_keeps_as_many_heads_as_the_plan_under_its_guard(k: int, guard: bool) -> None:
    plan = hv.cahp(made(), space="pca", guard=guard).with_count(k)
    for seed in range(3):
        for name, mask in plan.controls(seed).items():
            assert mask.count == plan.mask.count, name
            if guard:
                assert (mask.keep.sum(axis=1) > 0).all(), name


def test_control_per_cluster_takes_one_head_of_each_cluster() -> None:
    plan = hv.cahp(made(), space="pca", guard=False).with_count(7)
    keep = plan.controls(1)["random_per_cluster"].keep.ravel()
    assert np.bincount(plan.labels[keep], minlength=7).tolist() == [1] * 7
    assert np.flatnonzero(plan.controls()["medoid"].keep.ravel()).tolist() == plan.centres.tolist()


def test_control_salience_is_the_best_of_each_layer_and_then_the_best_of_the_rest() -> None:
    plan = PLAN.with_count(6)
    salience, kept = plan.salience, plan.mask.count
    assert salience is not None
    best = {
        int(np.flatnonzero(plan.layer_of == layer)[salience[plan.layer_of == layer].argmax()]) for layer in range(4)
    }
    rest = [int(head) for head in np.argsort(-salience) if head not in best]
    expected = sorted(best | set(rest[: kept - 4]))
    assert np.flatnonzero(plan.controls()["salience"].keep.ravel()).tolist() == expected


def test_random_controls_differ_by_seed_and_repeat_with_it() -> None:
    plan = PLAN.with_count(8)
    assert plan.controls(1)["random"] == plan.controls(1)["random"] != plan.controls(2)["random"]


def test_top_takes_any_scores_of_the_same_model() -> None:
    plan = PLAN.with_count(6)
    values = np.arange(24.0).reshape(4, 6)
    mask = plan.top(HeadScores(values, "made", {}, plan.provenance))
    assert mask.count == plan.mask.count and "L3H5" in mask.kept and (mask.keep.sum(axis=1) > 0).all()
    with pytest.raises(hv.ScoreError, match="10 heads"):
        plan.top(HeadScores(np.zeros((2, 5)), "made", {}, plan.provenance))


@given(st.integers(0, 12), st.integers(0, 2**31), st.booleans())
def test_filled_keeps_exactly_what_is_wanted(wanted: int, seed: int, guard: bool) -> None:
    rng = np.random.default_rng(seed)
    first, layers = rng.random(12) < 0.3, np.repeat([0, 1, 2], 4)
    kept = filled(first, rng.random(12), layers, wanted, guard=guard)
    assert kept.sum() == wanted
    if guard and wanted >= 3:
        assert len(set(layers[kept])) == 3
    if not guard:
        assert (kept & first).sum() == min(wanted, first.sum())
