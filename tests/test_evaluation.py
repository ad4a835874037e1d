"""Evaluation: a mask is its heads' columns set to zero; figures, intervals, and the accuracies of real models."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import headviz as hv
from headviz import stats
from headviz.stats import wilson
from tests.reference import gate_outputs
from tests.tiny import FAMILIES, LABELS, MAX_LENGTH, tiny_labels, tiny_model, tiny_texts

TEXTS = tiny_texts(14, seed=2)
DATA = hv.load_data(pd.DataFrame({"text": TEXTS, "label": tiny_labels(14)}))


@pytest.mark.parametrize("family", FAMILIES)
def test_evaluate_mask_equals_gated_outputs_one_text_at_a_time(family: str) -> None:
    model, tokenizer = tiny_model(family)
    subject = hv.Subject.wrap(model, tokenizer, name="tiny")
    mask = hv.Mask.full(subject).with_toggled("L0H0", "L0H1", "L0H2", "L0H3", "L1H2", "L2H1")
    twin = tiny_model(family)[0]
    for gates, keep in zip(gate_outputs(twin), mask.keep, strict=True):
        gates.data.copy_(torch.tensor(keep, dtype=torch.float32))
    with torch.no_grad():
        expected = torch.cat(
            [
                twin(**tokenizer(text, return_tensors="pt", truncation=True, max_length=subject.max_length)).logits
                for text in TEXTS
            ]
        )
    found = hv.evaluate(subject, DATA, mask, batch_size=5)
    np.testing.assert_allclose(found.logits, expected.numpy(), atol=1e-4)
    labels = torch.tensor([LABELS.index(label) for label in DATA.raw_labels])
    loss = torch.nn.functional.cross_entropy(expected, labels, reduction="none")
    np.testing.assert_allclose(found.loss, loss.numpy(), atol=1e-4)


def evaluations() -> tuple[hv.Evaluation, hv.Evaluation]:
    subject = hv.Subject.wrap(*tiny_model("bert"), name="tiny")
    cut = hv.Mask.full(subject).with_toggled("L0H0", "L0H1", "L1H0", "L1H2", "L2H3")
    return hv.evaluate(subject, DATA), hv.evaluate(subject, DATA, cut)


def test_evaluation_figures_follow_from_its_predictions() -> None:
    plain, cut = evaluations()
    right = (plain.predictions == plain.labels).mean()
    assert plain.metrics["accuracy"].value == right
    assert plain.main == "accuracy"
    assert plain.confusion.sum() == 14
    assert np.trace(plain.confusion) == right * 14
    labels = [LABELS.index(label) for label in DATA.raw_labels]
    assert plain.constant == max(labels.count(i) for i in range(3)) / 14
    assert plain.agreement(cut).value == (plain.predictions == cut.predictions).mean()
    assert cut.against(plain).value == pytest.approx(
        cut.metrics["accuracy"].value - plain.metrics["accuracy"].value, abs=1e-12
    )
    assert plain.against(plain).value == plain.against(plain).low == plain.against(plain).high == 0


@pytest.mark.parametrize("name", ["accuracy", "macro_f1", "matthews"])
def test_difference_and_constant_are_of_the_metric_that_is_asked_for(name: str) -> None:
    plain, cut = evaluations()
    change = cut.against(plain, name)
    assert change.value == pytest.approx(cut.metrics[name].value - plain.metrics[name].value, abs=1e-12)
    assert change.low <= change.value <= change.high and change.n == 14
    assert cut.against(plain, name) == change
    assert pickle.loads(pickle.dumps(cut)).against(plain, name) == change  # as joblib hands it on
    commonest = np.full(14, np.bincount(plain.labels).argmax())
    assert plain.constant_in(name) == pytest.approx(
        {
            "accuracy": plain.constant,
            "macro_f1": stats.macro_f1(plain.labels, commonest, 3),
            "matthews": 0.0,
        }[name]
    )
    for ask in (lambda: cut.against(plain, "luck"), lambda: plain.constant_in("luck")):
        with pytest.raises(hv.DataError, match="no metric 'luck' for text-classification"):
            ask()


def test_evaluation_intervals_contain_their_values() -> None:
    for name, estimate in evaluations()[1].metrics.items():
        assert estimate.low <= estimate.value <= estimate.high, name


def test_evaluation_frame_has_a_row_per_example_in_the_data_s_order() -> None:
    frame = evaluations()[0].frame()
    assert frame["id"].tolist() == DATA.ids.tolist()
    assert frame["label"].tolist() == list(DATA.raw_labels)


def test_evaluate_batch_size_changes_nothing_beyond_rounding() -> None:
    subject = hv.Subject.wrap(*tiny_model("bert"), name="tiny")
    one, many = hv.evaluate(subject, DATA, batch_size=1), hv.evaluate(subject, DATA)
    np.testing.assert_allclose(one.logits, many.logits, atol=1e-4)


def test_evaluate_chosen_metrics_come_in_their_order_and_unknown_ones_are_refused() -> None:
    subject = hv.Subject.wrap(*tiny_model("bert"), name="tiny")
    assert hv.evaluate(subject, DATA, metrics=["matthews"]).main == "matthews"
    with pytest.raises(hv.DataError, match="accuracy, macro_f1, matthews"):
        hv.evaluate(subject, DATA, metrics=["bleu"])
    with pytest.raises(hv.DataError, match="empty"):
        hv.evaluate(subject, DATA, metrics=[])


def test_evaluate_mask_of_another_shape_is_refused() -> None:
    subject = hv.Subject.wrap(*tiny_model("bert"), name="tiny")
    with pytest.raises(hv.MaskError, match="made for this model"):
        hv.evaluate(subject, DATA, hv.Mask(np.ones((2, 4), dtype=bool)))


def test_agreement_of_other_examples_is_refused() -> None:
    subject = hv.Subject.wrap(*tiny_model("bert"), name="tiny")
    with pytest.raises(hv.DataError, match="different examples"):
        hv.evaluate(subject, DATA[:5]).agreement(hv.evaluate(subject, DATA[5:10]))


def test_agreement_of_other_texts_under_the_same_numbers_is_refused() -> None:
    subject = hv.Subject.wrap(*tiny_model("bert"), name="tiny")
    other = hv.load_data(pd.DataFrame({"text": tiny_texts(14, seed=3), "label": tiny_labels(14)}))
    with pytest.raises(hv.DataError, match="different examples"):
        hv.evaluate(subject, DATA).against(hv.evaluate(subject, other))


NAMES = ("a", "b", "c")


def predicting(predictions: list[int], labels: list[int], losses: list[float] | None = None) -> hv.Evaluation:
    """An evaluation made by hand: examples 100, 101, ..., a logit of 2 for what is predicted, 0 for the rest."""
    return hv.Evaluation(
        logits=2 * np.eye(3, dtype=np.float32)[predictions],
        labels=np.array(labels),
        loss=np.array(losses or [0.0] * len(labels)),
        ids=np.arange(100, 100 + len(labels)),
        classes=NAMES,
        task="text-classification",
        metric_names=("accuracy",),
        provenance={},
    )


def test_recall_counts_the_right_ones_of_each_class() -> None:
    recall = predicting([0, 0, 1, 1, 0], [0, 0, 0, 1, 1]).recall
    assert list(recall) == ["a", "b", "c"]
    assert recall["a"] == wilson(2, 3) and recall["b"] == wilson(1, 2)


def test_recall_of_a_class_without_examples_is_unknown() -> None:
    none = predicting([0, 2], [0, 1]).recall["c"]
    assert np.isnan(none.value) and (none.low, none.high, none.n) == (0.0, 1.0, 0)


def test_probabilities_are_the_softmax_of_the_logits_and_bear_large_ones() -> None:
    one = predicting([1], [1])
    e = np.exp(2)
    np.testing.assert_allclose(one.probabilities, [[1 / (e + 2), e / (e + 2), 1 / (e + 2)]], rtol=1e-12)
    large = replace(one, logits=np.array([[0, 1000, 1000]], dtype=np.float32))
    np.testing.assert_allclose(large.probabilities, [[0, 0.5, 0.5]], atol=1e-12)


def test_flips_name_what_changed_broken_first_and_the_largest_change_of_the_loss_first() -> None:
    labels = [0, 0, 0, 1, 1, 2]
    before = predicting([0, 0, 0, 2, 0, 0], labels, [0.1, 0.2, 0.1, 1.0, 1.0, 0.5])
    after = predicting([0, 1, 2, 1, 2, 0], labels, [0.9, 0.5, 1.4, 0.2, 1.3, 0.1])
    found = after.flips(before)
    assert found.drop(columns="loss_change").to_dict("list") == {
        "id": [102, 101, 103, 104],
        "position": [2, 1, 3, 4],
        "label": ["a", "a", "b", "b"],
        "before": ["a", "a", "c", "a"],
        "after": ["c", "b", "b", "c"],
        "kind": ["broken", "broken", "mended", "moved"],
    }
    np.testing.assert_allclose(found["loss_change"], [1.3, 0.3, -0.8, 0.3], atol=1e-12)


def test_flips_of_the_same_predictions_are_none_with_all_columns() -> None:
    plain, cut = evaluations()
    assert len(plain.flips(plain)) == 0
    assert list(plain.flips(plain)) == list(cut.flips(plain))


def test_flips_account_for_every_change_of_agreement_and_accuracy() -> None:
    labels, old, new = np.random.default_rng(1).integers(0, 3, (3, 200)).tolist()
    before, after = predicting(old, labels), predicting(new, labels)
    kinds = after.flips(before)["kind"].value_counts()
    assert min(kinds) > 0 and set(kinds.index) == {"broken", "mended", "moved"}
    assert kinds.sum() == round(200 * (1 - after.agreement(before).value))
    assert kinds["mended"] - kinds["broken"] == round(200 * after.against(before).value)


def test_flips_of_other_examples_are_refused() -> None:
    with pytest.raises(hv.DataError, match="different examples"):
        predicting([0, 1], [0, 1]).flips(predicting([0, 1], [0, 2]))


def test_loss_against_is_the_paired_difference_of_the_mean_losses() -> None:
    plain, cut = evaluations()
    change, back = cut.loss_against(plain), plain.loss_against(cut)
    assert change.value == pytest.approx(cut.loss.mean() - plain.loss.mean(), abs=1e-12)
    assert change.low < change.value < change.high and change.n == 14
    assert back.value == pytest.approx(-change.value, abs=1e-12)
    still = plain.loss_against(plain)
    assert still.value == still.low == still.high == 0


def test_loss_against_has_no_width_where_all_examples_move_alike() -> None:
    plain = evaluations()[0]
    worse = replace(plain, loss=plain.loss + 0.25)
    change = worse.loss_against(plain)
    assert [change.low, change.high] == pytest.approx([0.25, 0.25], abs=1e-12)


def test_loss_against_of_other_examples_is_refused() -> None:
    subject = hv.Subject.wrap(*tiny_model("bert"), name="tiny")
    with pytest.raises(hv.DataError, match="different examples"):
        hv.evaluate(subject, DATA[:5]).loss_against(hv.evaluate(subject, DATA[5:10]))


def test_evaluate_one_metric_may_be_given_by_its_name() -> None:
    subject = hv.Subject.wrap(*tiny_model("bert"), name="tiny")
    assert list(hv.evaluate(subject, DATA, metrics="matthews").metrics) == ["matthews"]


def test_evaluate_mask_that_is_an_array_is_refused_with_what_to_do() -> None:
    subject = hv.Subject.wrap(*tiny_model("bert"), name="tiny")
    with pytest.raises(hv.MaskError, match=r"hv\.Mask\(keep\)"):
        hv.evaluate(subject, DATA, np.ones((3, 4), dtype=bool))  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "data", "labels", "rows", "right"),
    [
        ("minilm-sst5", "sst5/test.tsv", None, 2210, 1107),
        ("minilm-mrpc", "mrpc/test.jsonl", "ids", 1725, 1351),
    ],
)
def test_evaluate_real_test_splits_give_their_known_accuracy(
    shared: Path, model: str, data: str, labels: str | None, rows: int, right: int
) -> None:
    subject = hv.load(shared / "models" / model)
    found = hv.evaluate(subject, hv.load_data(shared / "data" / data, labels=labels))
    assert len(found) == rows
    assert found.metrics["accuracy"].value == pytest.approx(right / rows, abs=0.001)


def with_idle_heads(*layers: int) -> hv.Subject:
    """A classifier in which the heads of ``layers`` reach nothing: their output projection is 0."""
    model, tokenizer = tiny_model("bert", seed=3)
    for layer in layers:
        model.bert.encoder.layer[layer].attention.output.dense.weight.data.zero_()
    return hv.Subject.wrap(model, tokenizer, name="idle")


def test_mask_that_moves_no_logit_says_so_and_one_that_moves_any_does_not() -> None:
    subject = with_idle_heads(0, 2)
    full = hv.Mask.full(subject)
    still = hv.evaluate(subject, DATA, full.with_toggled("L0H1", "L2H0", "L2H3"), batch_size=4)
    assert any("moved no logit" in note for note in still.notes) and still.provenance["unmoved"] is True
    for mask in (None, full, full.with_toggled("L0H1", "L1H0")):
        moved = hv.evaluate(subject, DATA, mask, batch_size=4)
        assert not any("moved no logit" in note for note in moved.notes)
    whole = hv.evaluate(subject, DATA, batch_size=4)
    assert still.against(whole) == still.against(whole, "macro_f1") == hv.Estimate(0.0, 0.0, 0.0, 14)
    # measured another way, as pages do, the two are compared
    told = replace(still, provenance={**still.provenance, "unmoved": False})
    assert any("moved no logit" in note for note in told.notes_beside(whole))
    assert sum("moved no logit" in note for note in still.notes_beside(whole)) == 1


def test_texts_beyond_the_limit_are_told_wherever_they_are_read() -> None:
    subject = hv.Subject.wrap(*tiny_model("bert"), name="tiny")
    texts = ["good " * 100, "bad " * 100, "fine", "so good it is", "bad it was", "fine one"]
    data = hv.load_data(pd.DataFrame({"text": texts, "label": ["good", "bad", "fine"] * 2}))
    told = f"2 of the 6 texts are longer than {MAX_LENGTH} tokens and were cut there; the rest was not read."
    for result in (hv.evaluate(subject, data), hv.score(subject, data), hv.signatures(subject, data)):
        assert result.notes[0] == told
    assert hv.score(subject, data).first(3).notes[0] == told  # of those that were scored
    assert not any("longer than" in note for note in hv.evaluate(subject, data[2:]).notes)
    assert hv.evaluate(subject, data[1:3]).notes[0].startswith("1 of the 2 texts is longer than")
