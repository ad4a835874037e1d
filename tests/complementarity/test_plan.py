"""Plans: what each step promises, the edge cases, and the reference arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import headviz as hv
from headviz.complementarity.knee import peak_knee
from headviz.complementarity.noise import compared, noise_curves
from headviz.complementarity.quality import fitted
from headviz.complementarity.salience import salience_of
from tests.complementarity.made import made
from tests.tiny import tiny_labels, tiny_model, tiny_texts

SIGNATURES = made()


def test_plan_keeps_one_head_of_each_cluster_and_rescues_empty_layers() -> None:
    plan = hv.cahp(SIGNATURES, space="pca").with_count(5)
    kept, rescued = plan.picked
    assert plan.k == 5 and plan.mask.count == kept.sum() == 5 + rescued.sum()
    chosen = kept & ~rescued
    assert np.bincount(plan.labels[chosen], minlength=5).tolist() == [1] * 5
    for cluster in range(5):
        members = np.flatnonzero(plan.labels == cluster)
        assert chosen[members[plan.salience[members].argmax()]]  # type: ignore[index]
    assert set(plan.layer_of[kept]) == {0, 1, 2, 3}


def test_plan_without_guard_may_leave_layers_empty() -> None:
    plan = hv.cahp(SIGNATURES, space="pca", guard=False).with_count(2)
    assert plan.mask.count == 2 and not plan.picked[1].any()


def test_with_degree_moves_only_the_knee() -> None:
    plan = hv.cahp(SIGNATURES)
    for degree in (2, 3, 8, None):
        moved = plan.with_degree(degree)
        assert moved.placed is plan.placed and moved.medoids is plan.medoids
        assert moved.k == hv.find_knee(moved.curve["k"], moved.curve["mss"], degree)
        assert moved.k == hv.cahp(SIGNATURES, degree=degree).k
    with pytest.raises(hv.ScoreError, match="degree"):
        plan.with_degree(9)


def test_degree_one_has_no_knee_and_says_so_only_where_a_number_is_needed() -> None:
    plan = hv.cahp(SIGNATURES, degree=1)
    assert plan.k is None
    assert set(plan.points["role"]) == {""} and set(plan.edges["kind"]) == {"similar"}
    with pytest.raises(hv.ScoreError, match="At degree 1 the curve has no knee"):
        _ = plan.mask
    assert plan.with_count(7).mask.count >= 7


@pytest.mark.parametrize("k", range(1, 25))
def test_with_count_works_for_every_number_of_heads(k: int) -> None:
    plan = hv.cahp(SIGNATURES, guard=False, space="pca").with_count(k)
    assert plan.mask.count == k


def test_with_count_outside_the_heads_is_refused() -> None:
    for k in (0, 25, 2.0, True):
        with pytest.raises(hv.ScoreError, match="from 1 to 24"):
            hv.cahp(SIGNATURES, space="pca").with_count(k)  # type: ignore[arg-type]


def test_same_seed_gives_the_same_plan_and_another_may_not() -> None:
    one, other = hv.cahp(SIGNATURES, seed=3), hv.cahp(SIGNATURES, seed=3)
    np.testing.assert_array_equal(one.placed.coordinates, other.placed.coordinates)
    assert one.with_count(6).mask == other.with_count(6).mask
    assert not np.array_equal(hv.cahp(SIGNATURES, seed=4).placed.coordinates, one.placed.coordinates)


def test_points_and_edges_say_what_each_head_is() -> None:
    plan = hv.cahp(SIGNATURES).with_count(6)
    points, edges = plan.points, plan.edges
    assert points["head"].tolist() == SIGNATURES.names and points["salience"].between(0, 1).all()
    counts = points["role"].value_counts()
    assert counts["pruned"] == 24 - plan.mask.count
    kept = points.loc[points["role"] != "pruned", "head"].tolist()
    assert sorted(kept) == sorted(plan.mask.kept)
    assert len(edges[edges["kind"] == "kept"]) == len(kept) * (len(kept) - 1) // 2
    similar = edges[edges["kind"] == "similar"]
    assert pd.concat([similar["head"], similar["other"]]).value_counts().max() <= 3


def test_mask_says_which_preset_and_options_made_it() -> None:
    plan = hv.cahp(SIGNATURES, preset="reference", seed=7).with_count(6)
    assert plan.preset == "reference" and plan.options.init == "pca" and plan.options.eps_rule == "max"
    assert any('preset "headviz", the plan of preset "reference"' in note for note in plan.notes)
    assert plan.provenance["plan"]["differs"] == ["seed"]


@pytest.mark.parametrize("space", ["tsne", "pca", "features"])
@pytest.mark.parametrize("distance", ["jm", "js", "cka"])
def test_every_space_and_distance_gives_a_plan(space: str, distance: str) -> None:
    plan = hv.cahp(made(outputs=True), space=space, distance=distance).with_count(8)
    assert plan.placed.space == space and plan.placed.coordinates.shape == (24, 2)
    assert np.isfinite(plan.placed.distances).all() and plan.mask.count >= 8


def test_cka_without_head_outputs_says_how_to_get_them() -> None:
    with pytest.raises(hv.ScoreError, match="probe=256"):
        hv.cahp(SIGNATURES, distance="cka")


def test_identical_heads_end_in_a_sentence_in_every_space() -> None:
    for space in hv.spaces:
        for init in ("random", "pca"):
            with pytest.raises(hv.ScoreError, match="All heads behave alike"):
                hv.cahp(made(groups=1), space=space, init=init)


def test_two_groups_of_identical_heads_are_merged_and_any_count_works() -> None:
    plan = hv.cahp(made(groups=2))
    assert plan.placed.space == "features" and plan.k is None
    assert any("Only 2 heads differ" in note for note in plan.notes)
    assert [plan.with_count(k).picked[0].sum() >= k for k in (1, 2, 5, 24)] == [True] * 4


@pytest.mark.parametrize("init", ["random", "pca"])
def test_some_identical_heads_share_a_point(init: str) -> None:
    plan = hv.cahp(made(groups=9), init=init)
    assert plan.placed.distinct == 9 and len(plan.silhouettes.mss) == 7
    np.testing.assert_array_equal(plan.placed.coordinates[:9], plan.placed.coordinates[9:18])
    assert any("behave exactly like another" in note for note in plan.notes)


def test_one_layer_model_works() -> None:
    plan = hv.cahp(made((12,))).with_count(4)
    assert plan.mask.count == 4 and not plan.picked[1].any()


def test_fewer_than_eight_heads_have_no_knee_and_any_count() -> None:
    plan = hv.cahp(made((3, 3)))
    assert plan.k is None and plan.with_count(3).mask.count >= 3


def test_layers_of_different_sizes_have_only_the_heads_that_exist() -> None:
    plan = hv.cahp(made((6, 2, 5))).with_count(4)
    assert len(plan.points) == 13 and plan.mask.heads == (6, 2, 5) and plan.mask.count >= 4


def test_without_scores_medoids_stand_for_their_clusters() -> None:
    plan = hv.cahp(made(with_scores=False)).with_count(6)
    kept, rescued = plan.picked
    assert np.array_equal(np.flatnonzero(kept & ~rescued), plan.centres)
    assert "salience" not in plan.controls() and plan.points["salience"].isna().all()


def test_floor_is_the_mean_of_the_permuted_labels_and_noisy_classes_are_named() -> None:
    signatures = made()
    plan = hv.cahp(signatures)
    floors = [signatures.features(null=null).mean(axis=1) for null in range(2)]
    np.testing.assert_allclose(plan.floor, np.mean(floors, axis=0), rtol=1e-5)
    above = signatures.features() > 3 * np.mean(floors, axis=0)[:, None]
    np.testing.assert_allclose(plan.above_floor, above.mean(axis=1))
    assert any("mostly sampling noise" in note for note in plan.notes)  # random moments: the labels say nothing
    assert hv.cahp(made(nulls=0)).floor is None


def test_classes_told_apart_as_their_lengths_are_named() -> None:
    # classes a, b, c with means 0, 1 and 3 apart in every cell: pairs (a, b), (a, c), (b, c) are 1, 3 and 2 apart
    mean = (
        np.broadcast_to(np.array([0.0, 1, 3])[:, None, None], (24, 3, 4, 4))
        * np.linspace(0.5, 1, 24)[:, None, None, None]
    )
    along = made(mean=mean, variance=np.ones_like(mean), lengths=np.array([5.0, 10, 20]))
    assert along.length_correlation() > 0.9  # type: ignore[operator]
    assert any("may be length" in note for note in hv.cahp(along).notes)
    across = made(mean=mean, variance=np.ones_like(mean), lengths=np.array([5.0, 20, 6]))
    assert not any("may be length" in note for note in hv.cahp(across).notes)
    assert made(classes=2).length_correlation() is None


def test_noise_is_the_same_procedure_on_shuffled_or_permuted_features() -> None:
    plan = hv.cahp(SIGNATURES)
    columns, labels = plan.noise_curve(0), plan.noise_curve(1, "labels")
    assert len(columns.mss) == len(labels.mss) == len(plan.silhouettes.mss)
    permuted = made(mean=SIGNATURES.null_mean[1], variance=SIGNATURES.null_variance[1])
    np.testing.assert_array_equal(labels.mss, hv.cahp(permuted, seed=1).silhouettes.mss)
    assert columns.with_degree(3).k == hv.find_knee(columns.counts, columns.mss, 3)
    with pytest.raises(hv.ScoreError, match="nulls=2"):
        hv.cahp(made(nulls=0)).noise_curve(0, "labels")
    with pytest.raises(hv.ScoreError, match="does not look at labels"):
        hv.cahp(SIGNATURES, distance="js").noise_curve(0, "labels")


def test_noise_curves_are_one_of_each_seed_and_kind_that_there_is() -> None:
    plan = hv.cahp(made(), space="pca")
    found = noise_curves(plan, 2)
    assert {kind: [curve.mss.tolist() for curve in curves] for kind, curves in found.items()} == {
        kind: [plan.noise_curve(seed, kind).mss.tolist() for seed in range(2)] for kind in ("columns", "labels")
    }
    assert list(noise_curves(hv.cahp(made(nulls=0), space="pca"), 1)) == ["columns"]
    assert list(noise_curves(hv.cahp(made(), space="pca", distance="js"), 1)) == ["columns"]


def test_sentence_on_noise_says_inside_or_how_far_outside_the_band() -> None:
    plan = hv.cahp(SIGNATURES)
    noises = [plan.noise_curve(seed) for seed in range(3)]
    found = sorted(noise.k for noise in noises if noise.k is not None)
    assert "The degree, not the model, sets this number." in compared(found[0], 24, 6, noises)
    assert "The procedure, not the model, sets this number." in compared(found[0], 24, None, noises)
    assert "2 heads above that band" in compared(found[-1] + 2, 24, 6, noises)
    assert compared(None, 24, None, noises) == "Without smoothing there is no knee on this model."


def test_salience_by_batch_is_the_mean_over_the_first_quarter_of_batches() -> None:
    signatures = made(examples=300)
    gradient = signatures.scores.gate_gradient.reshape(300, -1)  # type: ignore[union-attr]
    first = [np.abs(gradient[start : start + 32].mean(0, dtype=np.float64)) for start in (0, 32)]  # 2 of 10 batches
    np.testing.assert_allclose(salience_of(signatures, "batch"), np.mean(first, axis=0), rtol=1e-6)


def test_plan_is_the_same_after_saving_but_for_its_signatures(tmp_path: Path) -> None:
    plan = hv.cahp(SIGNATURES, degree=3)
    plan.save(tmp_path / "plan.parquet")
    again = hv.open_plan(tmp_path / "plan.parquet")
    assert again.k == plan.k and again.preset == plan.preset and again.options == plan.options
    pd.testing.assert_frame_equal(again.curve, plan.curve)
    pd.testing.assert_frame_equal(again.with_count(6).points, plan.with_count(6).points)
    pd.testing.assert_frame_equal(again.with_count(6).edges, plan.with_count(6).edges)
    assert again.with_count(6).mask == plan.with_count(6).mask and again.notes == plan.notes
    with pytest.raises(hv.ScoreError, match="opened from a file"):
        again.noise_curve()


def test_file_that_is_no_plan_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "p.parquet").write_bytes(b"PAR1 not")
    with pytest.raises(hv.ScoreError, match=r"p\.parquet is not a plan file"):
        hv.open_plan(tmp_path / "p.parquet")
    with pytest.raises(hv.ScoreError, match="There is no plan file"):
        hv.open_plan(tmp_path / "missing.parquet")


def test_unknown_names_are_refused_with_the_list() -> None:
    for options in ({"space": "umap"}, {"distance": "cosine"}, {"representative": "best"}, {"preset": "paper"}):
        with pytest.raises(hv.ScoreError, match=r"choose one of|is not one of|must be one of"):
            hv.cahp(SIGNATURES, **options)


def test_cancelled_plan_raises_cancelled() -> None:
    import threading

    cancel = threading.Event()
    cancel.set()
    with pytest.raises(hv.Cancelled):
        hv.cahp(SIGNATURES, cancel=cancel)


def small() -> tuple[hv.Subject, hv.Data]:
    model, tokenizer = tiny_model("bert")
    texts = tiny_texts(30, seed=1)
    data = hv.load_data(pd.DataFrame({"text": texts, "label": tiny_labels(30, seed=1)}))
    return hv.Subject.wrap(model, tokenizer, name="tiny"), data


def test_quality_curve_measures_each_count_and_ends_at_the_full_model() -> None:
    subject, data = small()
    plan = hv.cahp(hv.signatures(subject, data, grid=6), space="pca")
    table = plan.quality_curve(subject, data, counts=5)
    assert table["k"].tolist() == [3, 5, 8, 10, 12]
    for row in table.itertuples():
        measured = hv.evaluate(subject, data, plan.with_count(row.k).mask).metrics["accuracy"]
        assert (row.value, row.low, row.high) == (measured.value, measured.low, measured.high)
    assert table["value"].iloc[-1] == hv.evaluate(subject, data).metrics["accuracy"].value
    assert table.attrs["fewest"] in table["kept"].tolist() and table.attrs["metric"] == "accuracy"
    other = plan.quality_curve(subject, data, counts=2, metric="macro_f1")
    whole = hv.evaluate(subject, data)
    assert other["value"].iloc[-1] == whole.metrics["macro_f1"].value
    assert (other.attrs["metric"], other.attrs["constant"]) == ("macro_f1", whole.constant_in("macro_f1"))


def test_quality_curve_refuses_what_it_cannot_measure_before_it_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    subject, data = small()
    plan = hv.cahp(hv.signatures(subject, data, grid=6), space="pca")
    monkeypatch.setattr("headviz.complementarity.quality.evaluate", None)
    with pytest.raises(hv.ScoreError, match="There is no metric 'luck' for text-classification; choose from accuracy"):
        plan.quality_curve(subject, data, metric="luck")
    with pytest.raises(hv.ScoreError, match="counts is empty"):
        plan.quality_curve(subject, data, counts=[])


def test_fitted_gives_another_degree_what_measuring_at_it_gives() -> None:
    table = pd.DataFrame({"kept": np.arange(2, 14), "value": 1 - np.arange(2, 14) ** -0.5})
    table.attrs = {"metric": "accuracy", "constant": 0.2}
    for degree in (2, 5, 8, None):
        found = fitted(table, degree)
        assert found.attrs["knee"] == peak_knee(table["kept"], table["value"], degree)
        assert found.attrs["constant"] == 0.2 and "knee" not in table.attrs
    assert fitted(table, None)["fit"].tolist() == table["value"].tolist()
    assert fitted(table, 8)["fit"].tolist() == fitted(table, 5)["fit"].tolist()


def test_stability_varies_seeds_and_resamples_in_one_more_pass() -> None:
    subject, data = small()
    plan = hv.cahp(hv.signatures(subject, data, grid=6)).with_count(4)
    stages = set()
    table = plan.stability(3, 2, subject=subject, data=data, on_progress=lambda done, total, stage: stages.add(stage))
    assert stages == {"grouping heads again"}  # one count, told by one thread
    assert table["kind"].tolist() == ["seed"] * 3 + ["resample"] * 2
    assert table["jaccard"].between(0, 1).all() and all(len(kept) >= 4 for kept in table["kept"])
    assert 0 < table.attrs["chance"][0] <= 1
    assert plan.stability(2)["kind"].tolist() == ["seed"] * 2
    with pytest.raises(hv.ScoreError, match="the model and the data"):
        plan.stability(1, 1, subject=subject, data=data[:20])


def test_resampled_signatures_are_those_of_the_drawn_rows() -> None:
    from headviz.complementarity.classes import classes_of
    from headviz.complementarity.signature import resampled_signatures

    subject, data = small()
    signatures = hv.signatures(subject, data, grid=6)
    weights = classes_of(subject, data, "labels", 4).resampled(0).sum(axis=1).astype(int)
    repeated = data.take(np.repeat(np.arange(len(data)), weights))
    expected = hv.signatures(subject, repeated, grid=6, with_scores=False)
    found = resampled_signatures(signatures, subject, data, 1)[0]
    np.testing.assert_allclose(found.mean, expected.mean, atol=1e-6)
    np.testing.assert_allclose(found.variance, expected.variance, atol=1e-6)


def test_salience_of_a_real_model_equals_the_reference(shared: Path) -> None:
    arrays = np.load(shared / "data" / "cahp" / "reference.npz")
    subject = hv.load(shared / "models" / "minilm-sst5")
    data = hv.load_data(shared / "data" / "sst5" / "train.tsv")[: 15 * 32]
    gradient = hv.score(subject, data).gate_gradient.astype(np.float64)
    batches = gradient.reshape(15, 32, 6, 12).mean(axis=1)
    np.testing.assert_allclose(batches, arrays["gate_gradient_batch"], atol=1e-5)
    salience = np.abs(batches).mean(axis=0).ravel()
    scaled = (salience - salience.min()) / np.ptp(salience)
    np.testing.assert_allclose(scaled, arrays["salience_reference"], atol=1e-4)
