"""Signatures against one text at a time with stored maps, and what must not change them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import headviz as hv
from tests.reference import signatures_one_by_one
from tests.tiny import FAMILIES, LABELS, tiny_labels, tiny_model, tiny_texts

TEXTS = tiny_texts(40, seed=3)
ROWS = tiny_labels(40, seed=3)


def subject_of(family: str = "bert", side: str = "right", seed: int = 0) -> hv.Subject:
    model, tokenizer = tiny_model(family, padding_side=side, seed=seed)
    return hv.Subject.wrap(model, tokenizer, name="tiny")


def data_of(texts: list[str] = TEXTS, labels: list[str] = ROWS) -> hv.Data:
    return hv.load_data(pd.DataFrame({"text": texts, "label": labels}))


def two_pass(subject: hv.Subject, data: hv.Data, grid: int) -> tuple[np.ndarray, np.ndarray]:
    maps = signatures_one_by_one(
        subject.model, subject.processor, data.inputs, grid=grid, max_length=subject.max_length
    )
    of = np.array([LABELS.index(label) for label in data.raw_labels])
    groups = [maps[of == number] for number in range(len(LABELS))]
    return np.stack([g.mean(0) for g in groups], 1), np.stack([g.var(0, ddof=1) for g in groups], 1)


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("family", FAMILIES)
def test_moments_equal_two_passes_one_text_at_a_time(family: str, side: str) -> None:
    subject, data = subject_of(family, side), data_of()
    found = hv.signatures(subject, data, grid=8)
    mean, variance = two_pass(subject, data, 8)
    np.testing.assert_allclose(found.mean, mean, atol=1e-6)
    np.testing.assert_allclose(found.variance, variance, atol=1e-6)
    np.testing.assert_allclose(found.mean.sum(-1), 1, atol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 7, 32])
def test_batch_size_changes_nothing_beyond_rounding(batch_size: int) -> None:
    subject, data = subject_of(), data_of()
    whole, found = hv.signatures(subject, data, grid=8), hv.signatures(subject, data, grid=8, batch_size=batch_size)
    np.testing.assert_allclose(found.mean, whole.mean, atol=1e-6)
    np.testing.assert_allclose(found.features(), whole.features(), atol=1e-4)
    np.testing.assert_allclose(found.null_variance, whole.null_variance, atol=1e-6)


def test_scores_of_the_same_pass_are_those_of_score() -> None:
    subject, data = subject_of(), data_of()
    scores, found = hv.score(subject, data), hv.signatures(subject, data, grid=8).scores
    assert found is not None
    np.testing.assert_array_equal(found.gate_gradient, scores.gate_gradient)
    np.testing.assert_array_equal(found.entropy, scores.entropy)


def test_forward_only_gives_the_same_moments_and_no_scores() -> None:
    subject, data = subject_of(), data_of()
    whole, found = hv.signatures(subject, data, grid=8), hv.signatures(subject, data, grid=8, with_scores=False)
    assert found.scores is None and any("no salience" in note for note in found.notes)
    np.testing.assert_allclose(found.mean, whole.mean, atol=1e-7)


def test_nulls_are_the_moments_under_permuted_labels() -> None:
    subject, data = subject_of(), data_of()
    found = hv.signatures(subject, data, grid=8, nulls=3)
    order = np.random.default_rng(1).permutation(len(data))
    shuffled = data_of(TEXTS, [ROWS[i] for i in order])
    expected = hv.signatures(subject, shuffled, grid=8, nulls=0)
    assert found.null_mean.shape[0] == 3
    np.testing.assert_allclose(found.null_mean[1], expected.mean, atol=1e-7)
    np.testing.assert_allclose(found.null_variance[1], expected.variance, atol=1e-7)


def test_grid_is_no_finer_than_the_median_text_unless_it_is_given() -> None:
    subject = subject_of()
    texts = ["good film"] * 10 + ["bad film"] * 10  # with the special tokens: 4 tokens each
    labels = ["good"] * 10 + ["bad"] * 10
    found = hv.signatures(subject, data_of(texts, labels), with_scores=False)
    assert found.grid == 4 and any("grid is 4 x 4" in note for note in found.notes)
    assert found.provenance["options"]["grid"] == 4
    given = hv.signatures(subject, data_of(texts, labels), grid=24, with_scores=False)
    assert given.grid == 24
    np.testing.assert_allclose(given.mean[:, given.usable].sum(-1), 1, atol=1e-6)


def test_class_with_one_example_is_left_out_and_named() -> None:
    found = hv.signatures(subject_of(), data_of(TEXTS[:7], ["bad"] * 3 + ["good"] * 3 + ["fine"]), grid=4)
    assert found.counts.tolist() == [3, 1, 3]
    assert found.pairs == [("bad", "good")]
    assert found.features().shape == (12, 16) and np.isfinite(found.features()).all()
    assert any("fine" in note for note in found.notes)


@pytest.mark.parametrize("labels", [["good"] * 40, ["good"] * 39 + ["bad"]])
def test_one_class_is_refused_with_a_sentence(labels: list[str]) -> None:
    with pytest.raises(hv.DataError, match="compares classes"):
        hv.signatures(subject_of(), data_of(TEXTS, labels))


def test_data_without_labels_is_refused_with_a_sentence_and_works_by_predictions() -> None:
    data = hv.load_data(pd.DataFrame({"text": TEXTS}))
    with pytest.raises(hv.DataError, match='classes="predicted"'):
        hv.signatures(subject_of(), data)
    subject = subject_of(seed=3)  # predicts two of its classes
    found = hv.signatures(subject, data, classes="predicted", grid=6)
    predicted = hv.evaluate(subject, data_of()).predictions
    assert found.counts.tolist() == np.bincount(predicted, minlength=3).tolist()
    assert any("own predictions" in note for note in found.notes)


def test_numbers_as_labels_become_bins_of_equal_count() -> None:
    data = hv.load_data(pd.DataFrame({"text": TEXTS, "label": [str(i * 0.5) for i in range(40)]}), label="label")
    found = hv.signatures(subject_of(), data, classes="bins", bins=4, grid=6, with_scores=False)
    assert found.counts.tolist() == [10, 10, 10, 10] and found.classes[0] == "0 to 4.5"
    with pytest.raises(hv.DataError, match="not a number"):
        hv.signatures(subject_of(), data_of(), classes="bins", with_scores=False)


def test_special_tokens_left_out_gives_rows_that_still_add_up_to_one() -> None:
    found = hv.signatures(subject_of(), data_of(), special=False, grid=5, with_scores=False)
    np.testing.assert_allclose(found.mean[:, found.usable].sum(-1), 1, atol=1e-5)


def test_probe_keeps_mean_head_outputs_of_a_fixed_draw() -> None:
    subject, data = subject_of(), data_of()
    found, again = (hv.signatures(subject, data, probe=9, grid=4, batch_size=size) for size in (3, 40))
    assert found.outputs is not None and again.outputs is not None
    assert found.outputs.shape == (9, 12, 8)
    np.testing.assert_allclose(found.outputs, again.outputs, atol=1e-6)
    assert hv.signatures(subject, data, grid=4).outputs is None


def test_signatures_are_the_same_after_saving(tmp_path: Path) -> None:
    found = hv.signatures(subject_of(), data_of(), grid=6, probe=5)
    found.save(tmp_path / "s.npz")
    again = hv.open_signatures(tmp_path / "s.npz")
    for name in ("mean", "variance", "counts", "lengths", "null_mean", "null_variance", "outputs"):
        np.testing.assert_array_equal(getattr(found, name), getattr(again, name))
    assert (again.classes, again.grid, again.heads, again.notes) == (found.classes, 6, found.heads, found.notes)
    assert again.scores is not None and found.scores is not None
    np.testing.assert_array_equal(again.scores.gate_gradient, found.scores.gate_gradient)
    np.testing.assert_array_equal(again.features(), found.features())


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 broken"])
def test_file_that_is_no_signatures_is_refused_with_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "s.npz").write_bytes(content)
    with pytest.raises(hv.ScoreError, match=r"s\.npz is not a signatures file"):
        hv.open_signatures(tmp_path / "s.npz")
    with pytest.raises(hv.ScoreError, match="There is no signatures file"):
        hv.open_signatures(tmp_path / "missing.npz")


def test_wrong_options_are_refused_with_their_range() -> None:
    for options in ({"grid": 1}, {"resize": "area"}, {"nulls": -1}, {"special": "yes"}, {"preset": "paper"}):
        with pytest.raises(hv.ScoreError, match=next(iter(options))):
            hv.signatures(subject_of(), data_of(), **options)


def test_reference_preset_sets_what_the_table_says_and_given_options_win() -> None:
    found = hv.signatures(subject_of(), data_of(), preset="reference", with_scores=False)
    options = found.provenance["options"]
    assert (found.grid, options["resize"], options["nulls"], options["preset"]) == (32, "bilinear", 0, "reference")
    assert options["differs"] == []
    other = hv.signatures(subject_of(), data_of(), preset="reference", grid=24, with_scores=False)
    assert other.grid == 24 and other.provenance["options"]["differs"] == ["grid"]


def test_jm_features_of_a_real_model_equal_the_reference_arrays(shared: Path) -> None:
    arrays = np.load(shared / "data" / "cahp" / "reference.npz")
    subject = hv.load(shared / "models" / "minilm-sst5")
    data = hv.load_data(shared / "data" / "sst5" / "train.tsv").take(arrays["first256_rows"])
    found = hv.signatures(subject, data, grid=24, with_scores=False, nulls=0)
    np.testing.assert_allclose(found.features(), arrays["first256_mass24_jm"], atol=1e-4)
    by_reference = hv.signatures(subject, data, preset="reference", with_scores=False)
    pairs = [pair for pair, (c, d) in enumerate(zip(*np.triu_indices(5, 1), strict=True)) if found.usable[[c, d]].all()]
    expected = arrays["first256_bilinear32_jm"].reshape(72, 10, -1)[:, pairs].reshape(72, -1)
    np.testing.assert_allclose(by_reference.features(), expected, atol=1e-4)
