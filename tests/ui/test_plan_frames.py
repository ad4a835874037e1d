"""Tables of plans: the same numbers as counting by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import headviz as hv
from headviz.complementarity.noise import noise_curves
from headviz.ui import plan_frames
from tests.complementarity.made import made

PLAN = hv.cahp(made((3, 5, 4)), space="pca").with_count(5)


def test_points_know_the_size_of_their_cluster_and_the_picked_head() -> None:
    points = plan_frames.graph_points(PLAN, "L1H4")
    for row in points.itertuples():
        assert row.size == (points["cluster"] == row.cluster).sum()
    assert points.loc[points["picked"], "head"].tolist() == ["L1H4"]


def test_edges_join_the_places_of_their_heads() -> None:
    edges, places = PLAN.edges, PLAN.points.set_index("head")
    drawn = plan_frames.graph_edges(PLAN, kept=True)
    assert drawn["kind"].tolist() == edges["kind"].tolist()
    for ends, head in ((["x", "y"], "head"), (["x2", "y2"], "other")):
        assert drawn[ends].to_numpy() == pytest.approx(places.loc[edges[head], ["x", "y"]].to_numpy(), abs=1e-4)
    assert set(plan_frames.graph_edges(PLAN, kept=False)["kind"]) == {"similar"}


def test_knees_name_the_degrees_and_the_number_in_force() -> None:
    assert plan_frames.knees(PLAN.with_degree(1)).empty
    own = PLAN.silhouettes.k
    both = plan_frames.knees(PLAN.with_count(11))
    assert both["k"].tolist() == [*([own] if own else []), 11] and both["chosen"].tolist()[-1]


def test_pruned_share_of_each_layer_is_counted_from_the_mask() -> None:
    table, depths = plan_frames.layer_shares(PLAN)
    kept = PLAN.mask.keep
    there = np.arange(5) < np.array([3, 5, 4])[:, None]
    assert table["cahp"].to_numpy() == pytest.approx(1 - kept.sum(axis=1) / [3, 5, 4], abs=1e-4)
    depth = [(layer + 0.5) / 3 for layer, head in np.argwhere(kept & there)]
    assert depths["cahp"][0] == pytest.approx(np.mean(depth))
    best = PLAN.controls()["salience"].keep
    assert table["salience"].to_numpy() == pytest.approx(1 - best.sum(axis=1) / [3, 5, 4], abs=1e-4)


def test_random_band_is_that_of_the_controls() -> None:
    table, depths = plan_frames.layer_shares(PLAN)
    drawn = [PLAN.controls(seed)["random"].keep for seed in range(20)]
    shares = [1 - keep.sum(axis=1) / [3, 5, 4] for keep in drawn]
    band = np.quantile(shares, (0.025, 0.975), axis=0)
    assert table[["low", "high"]].to_numpy() == pytest.approx(band.T, abs=1e-4)
    means = [np.mean([(layer + 0.5) / 3 for layer, _ in np.argwhere(keep)]) for keep in drawn]
    assert depths["random"][0] == pytest.approx(np.mean(means))


def test_without_salience_there_is_none_in_the_table() -> None:
    table, depths = plan_frames.layer_shares(hv.cahp(made(with_scores=False), space="pca").with_count(5))
    assert table["salience"].isna().all() and "salience" not in depths


def test_noise_tables_hold_the_ends_and_the_knees_at_the_degree() -> None:
    noise = noise_curves(PLAN, 3)
    band = plan_frames.noise_bands(noise)
    values = np.stack([curve.mss for curve in noise["columns"]])
    own = band[band["kind"] == "shuffled features"]
    assert own["low"].to_numpy() == pytest.approx(values.min(axis=0), abs=1e-5)
    assert own["high"].to_numpy() == pytest.approx(values.max(axis=0), abs=1e-5)
    knees = plan_frames.noise_knees(plan_frames.noise_at(noise, 2))
    expected = [curve.with_degree(2).k for curves in noise.values() for curve in curves]
    assert sorted(np.repeat(knees["k"], knees["times"])) == sorted(k for k in expected if k is not None)
    assert plan_frames.noise_knees(plan_frames.noise_at(noise, 1)).empty


def test_share_of_runs_counts_each_head() -> None:
    runs = pd.DataFrame({"kept": [["L0H0", "L1H4"], ["L0H0"]]})
    table = plan_frames.kept_shares(PLAN, runs, None).set_index("head")
    assert (table.loc["L0H0", "share"], table.loc["L1H4", "share"], table.loc["L2H0", "share"]) == (1, 0.5, 0)
