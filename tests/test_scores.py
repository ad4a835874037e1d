"""Scores against one example at a time with stored maps, finite differences, and the properties that they must
have.

Over 400 lines because they share the slow references and the models that these are run on.
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import headviz as hv
from headviz import hies
from headviz.attention import Call, run
from headviz.mask import head_name
from tests.reference import scores_one_by_one
from tests.tiny import FAMILIES, LABELS, tiny_labels, tiny_model, tiny_pairs, tiny_texts


def frame(texts: list[str], seed: int = 0) -> pd.DataFrame:
    return pd.DataFrame({"text": texts, "label": tiny_labels(len(texts), seed)})


def subject_of(family: str = "bert", *, dtype: torch.dtype = torch.float32, side: str = "right") -> hv.Subject:
    model, tokenizer = tiny_model(family, padding_side=side)
    return hv.Subject.wrap(model.to(dtype), tokenizer, name="tiny")


def reference_of(subject: hv.Subject, data: hv.Data) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    labels = [LABELS.index(label) for label in data.raw_labels]
    return scores_one_by_one(subject.model, subject.processor, data.inputs, labels, max_length=subject.max_length)


DATA = hv.load_data(frame(tiny_texts(12, seed=5)))


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("family", FAMILIES)
def test_score_float64_equals_one_at_a_time_with_stored_maps(family: str, side: str) -> None:
    subject = subject_of(family, dtype=torch.float64, side=side)
    scores = hv.score(subject, DATA, batch_size=5)
    gradient, entropy, loss = reference_of(subject, DATA)
    # gradients are kept as float32, which rounds at 6e-8 of their size
    np.testing.assert_allclose(scores.gate_gradient, gradient, rtol=2e-7, atol=1e-9)
    np.testing.assert_allclose(scores.entropy, entropy, atol=1e-7)
    np.testing.assert_allclose(scores.loss, loss, rtol=1e-12)


@pytest.mark.parametrize("batch_size", [1, 7, 32])
def test_score_float32_batch_size_changes_nothing_beyond_rounding(batch_size: int) -> None:
    exact = hv.score(subject_of(dtype=torch.float64), DATA)
    scores = hv.score(subject_of(), DATA, batch_size=batch_size)
    np.testing.assert_allclose(scores.his, exact.his, rtol=1e-4)
    np.testing.assert_allclose(scores.ae, exact.ae, atol=1e-5)


def test_score_gate_gradient_equals_a_central_difference() -> None:
    subject = subject_of(dtype=torch.float64)
    scores = hv.score(subject, DATA)
    inputs = dict(subject.processor(DATA.inputs[3][0], return_tensors="pt"))
    label = torch.tensor([LABELS.index(DATA.raw_labels[3])])
    step, found = 1e-4, []
    for head in range(12):
        losses = []
        for sign in (1, -1):
            gates = torch.ones(12, dtype=torch.float64)
            gates[head] += sign * step
            with torch.no_grad():
                logits = run(subject._view, inputs, Call(gates))
            losses.append(float(torch.nn.functional.cross_entropy(logits, label)))
        found.append((losses[0] - losses[1]) / (2 * step))
    np.testing.assert_allclose(scores.gate_gradient[3].ravel(), found, rtol=1e-6, atol=1e-9)


def test_score_order_of_examples_changes_no_example() -> None:
    subject = subject_of()
    order = np.random.default_rng(0).permutation(len(DATA))
    plain, mixed = hv.score(subject, DATA), hv.score(subject, DATA.take(order))
    np.testing.assert_allclose(mixed.gate_gradient, plain.gate_gradient[order], rtol=1e-4, atol=1e-6)
    assert mixed.ids.tolist() == plain.ids[order].tolist()


def test_score_under_the_caller_s_autocast_stays_in_the_model_s_dtype() -> None:
    subject = subject_of()
    outside = hv.score(subject, DATA), hv.criteria["integrated_gradients"](subject, DATA, steps=2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = hv.score(subject, DATA), hv.criteria["integrated_gradients"](subject, DATA, steps=2)
    np.testing.assert_array_equal(inside[0].gate_gradient, outside[0].gate_gradient)
    np.testing.assert_array_equal(inside[0].entropy, outside[0].entropy)
    np.testing.assert_array_equal(inside[1].values, outside[1].values)


def test_his_absolute_value_is_taken_per_example_so_that_opposite_gradients_do_not_cancel() -> None:
    subject = subject_of()
    # the same text under two labels: a gate shared by the batch would see gradients that partly cancel
    twice = hv.load_data(pd.DataFrame({"text": ["the film was good ."] * 2, "label": [LABELS[0], LABELS[2]]}))
    scores = hv.score(subject, twice)
    signed_first = np.abs(scores.gate_gradient.mean(axis=0))
    assert (scores.his >= signed_first).all()
    assert scores.his.sum() > 1.2 * signed_first.sum()
    np.testing.assert_array_equal(scores.his, np.abs(scores.gate_gradient.astype(np.float64)).mean(axis=0))


def test_score_duplicated_data_changes_no_mean() -> None:
    subject = subject_of()
    once, twice = hv.score(subject, DATA), hv.score(subject, DATA.take([*range(12), *range(12)]))
    np.testing.assert_allclose(twice.his, once.his, rtol=1e-5)
    np.testing.assert_allclose(twice.fisher, once.fisher, rtol=1e-5)
    np.testing.assert_allclose(twice.ae, once.ae, atol=1e-6)


def test_score_head_without_output_has_gradient_exactly_zero() -> None:
    model, tokenizer = tiny_model("bert")
    with torch.no_grad():
        model.bert.encoder.layer[1].attention.output.dense.weight[:, 8:16] = 0
        value = model.bert.encoder.layer[2].attention.self.value
        value.weight[0:8], value.bias[0:8] = 0, 0
    scores = hv.score(hv.Subject.wrap(model, tokenizer, name="tiny"), DATA)
    assert (scores.gate_gradient[:, 1, 1] == 0).all()
    assert (scores.gate_gradient[:, 2, 0] == 0).all()
    assert (scores.gate_gradient[:, 0] != 0).any()


def test_ae_head_with_zero_queries_attends_evenly_and_has_entropy_one() -> None:
    model, tokenizer = tiny_model("bert")
    with torch.no_grad():
        query = model.bert.encoder.layer[0].attention.self.query
        query.weight[:8], query.bias[:8] = 0, 0
    scores = hv.score(hv.Subject.wrap(model, tokenizer, name="tiny"), DATA)
    assert scores.entropy[:, 0, 0] == pytest.approx(1.0, abs=1e-6)
    assert (scores.entropy[:, 0, 1] < 1).all()
    assert scores.entropy.min() >= 0
    assert scores.entropy.max() <= 1


def test_score_raw_entropy_is_in_nats() -> None:
    subject = subject_of()
    one = hv.load_data(pd.DataFrame({"text": ["good film ."], "label": ["good"]}))
    normalised, raw = hv.score(subject, one), hv.score(subject, one, entropy="raw")
    tokens = len(subject.processor("good film .")["input_ids"])
    np.testing.assert_allclose(raw.entropy, normalised.entropy * np.log(tokens), rtol=1e-5)


def test_score_higher_order_gives_no_larger_entropy() -> None:
    subject = subject_of()
    by_order = [hv.score(subject, DATA, order=order).ae for order in (0.5, 1.0, 2.0, float("inf"))]
    for lower, higher in pairwise(by_order):
        assert (higher <= lower + 1e-5).all()


def test_score_pairs_equal_one_at_a_time() -> None:
    pairs = tiny_pairs(6)
    table = pd.DataFrame(pairs, columns=["sentence1", "sentence2"]).assign(label=tiny_labels(6))
    subject, data = subject_of(dtype=torch.float64), hv.load_data(table)
    gradient, entropy, _ = reference_of(subject, data)
    scores = hv.score(subject, data)
    np.testing.assert_allclose(scores.gate_gradient, gradient, rtol=2e-7, atol=1e-9)
    np.testing.assert_allclose(scores.entropy, entropy, atol=1e-7)


def test_score_text_beyond_the_limit_is_cut_and_counted() -> None:
    long = "good " * 100
    scores = hv.score(subject_of(), hv.load_data(pd.DataFrame({"text": [long, "fine"], "label": ["good", "fine"]})))
    assert scores.provenance["truncated"] == 1


def test_score_without_special_tokens_a_one_token_text_has_no_entropy_but_a_gradient() -> None:
    class Bare:
        """A tokenizer that adds no special tokens, as one-token texts need."""

        def __init__(self, inner: Any) -> None:
            self._inner = inner

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

        def __call__(self, *args: Any, **options: Any) -> Any:
            return self._inner(*args, **{**options, "add_special_tokens": False})

    model, tokenizer = tiny_model("bert")
    subject = hv.Subject.wrap(model, Bare(tokenizer), name="tiny")
    data = hv.load_data(pd.DataFrame({"text": ["good", "the film was fine"], "label": ["good", "fine"]}))
    scores = hv.score(subject, data)
    assert np.isnan(scores.entropy[0]).all()
    assert np.isfinite(scores.gate_gradient).all()
    np.testing.assert_allclose(scores.ae, scores.entropy[1], rtol=1e-6)
    with pytest.raises(hv.ScoreError, match="at least two tokens"):
        _ = hv.score(subject, data[:1]).ae


def test_score_predicted_targets_need_no_labels_and_say_so() -> None:
    subject = subject_of()
    data = hv.load_data(pd.DataFrame({"text": tiny_texts(4)}), inputs="text")
    scores = hv.score(subject, data, targets="predicted")
    assert any("own predictions" in note for note in scores.notes)
    with pytest.raises(hv.DataError):
        hv.score(subject, data)


def test_score_non_finite_loss_names_the_row() -> None:
    model, tokenizer = tiny_model("bert")
    subject = hv.Subject.wrap(model, tokenizer, name="tiny")
    word = tokenizer.convert_tokens_to_ids("music")
    with torch.no_grad():
        model.bert.embeddings.word_embeddings.weight[word] = torch.nan
    data = hv.load_data(pd.DataFrame({"text": ["good film", "the music was good"], "label": ["good", "good"]}))
    with pytest.raises(hv.ScoreError, match="Row 1: the loss is nan"):
        hv.score(subject, data)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"entropy": "log2"}, "normalised, raw"),
        ({"targets": "none"}, "labels, predicted"),
        ({"order": 0}, "above 0"),
        ({"order": float("nan")}, "above 0"),
        ({"order": "two"}, "above 0"),
        ({"order": None}, "above 0"),
    ],
)
def test_score_unknown_option_says_what_there_is(options: dict[str, Any], message: str) -> None:
    with pytest.raises(hv.ScoreError, match=message):
        hv.score(subject_of(), DATA, **options)


@pytest.mark.parametrize("call", [hv.score, hv.evaluate, hv.criteria["ablation"], hv.criteria["his"]])
def test_score_of_texts_that_load_data_has_not_read_says_so(call: Any) -> None:
    for source in (frame(["good"]), ["good"], "rows.csv"):
        with pytest.raises(hv.DataError, match=r"read it with hv\.load_data"):
            call(subject_of(), source)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_score_under_a_callers_mode_without_gradients_gives_the_same(mode: Any) -> None:
    subject = subject_of()
    free, attributed = hv.score(subject, DATA), hv.criteria["integrated_gradients"](subject, DATA, steps=2)
    with mode():
        bound, bound_attributed = hv.score(subject, DATA), hv.criteria["integrated_gradients"](subject, DATA, steps=2)
    np.testing.assert_array_equal(bound.gate_gradient, free.gate_gradient)
    np.testing.assert_array_equal(bound_attributed.values, attributed.values)


def test_score_while_another_thread_has_changed_the_default_dtype_gives_the_same() -> None:
    subject = subject_of()
    scores, measured = hv.score(subject, DATA), hv.evaluate(subject, DATA)
    torch.set_default_dtype(torch.float64)
    try:
        again, measured_again = hv.score(subject, DATA), hv.evaluate(subject, DATA)
        ranked = hv.criteria["integrated_gradients"](subject, DATA, steps=2)
    finally:
        torch.set_default_dtype(torch.float32)
    np.testing.assert_array_equal(again.gate_gradient, scores.gate_gradient)
    np.testing.assert_array_equal(again.entropy, scores.entropy)
    np.testing.assert_array_equal(measured_again.logits, measured.logits)
    np.testing.assert_array_equal(ranked.values, hv.criteria["integrated_gradients"](subject, DATA, steps=2).values)


def test_first_and_sample_are_smaller_calibration_sets_with_no_new_pass() -> None:
    scores = hv.score(subject_of(), DATA)
    assert scores.first(4).ids.tolist() == DATA.ids[:4].tolist()
    np.testing.assert_allclose(
        scores.first(4).his, np.abs(scores.gate_gradient[:4].astype(np.float64)).mean(axis=0), rtol=1e-12
    )
    drawn = scores.sample(5, seed=3)
    assert drawn.ids.tolist() == sorted(drawn.ids.tolist())
    assert drawn.ids.tolist() == scores.sample(5, seed=3).ids.tolist()
    assert drawn.ids.tolist() != scores.sample(5, seed=4).ids.tolist()
    assert drawn.provenance["data"]["examples"] == 5
    assert len(scores.first(99)) == 12


def test_interval_contains_the_mean_and_narrows_with_more_examples() -> None:
    scores = hv.score(subject_of(), DATA)
    low, high = scores.interval("his")
    assert (low <= scores.his).all()
    assert (scores.his <= high).all()
    few_low, few_high = scores.first(4).interval("his")
    assert (few_high - few_low).mean() > (high - low).mean()
    with pytest.raises(hv.ScoreError, match="choose one of his, fisher, ae"):
        scores.interval("hies")


def test_alpha_breaks_masks_are_those_of_select_between_the_breaks() -> None:
    scores = hv.score(subject_of(), DATA)
    found = scores.alpha_breaks(0.5)
    assert (found[0][0], found[-1][1]) == (0.0, 1.0)
    for low, high, mask in found:
        if high > low:
            assert hv.select(scores.hies((low + high) / 2), 6).kept == mask.kept


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_alpha_breaks_under_every_rule_are_what_select_gives(draw: st.DataObject) -> None:
    """Scores of few distinct values, so that heads are often equal, at a point of alpha or everywhere."""
    layers, heads = draw.draw(st.integers(1, 3)), draw.draw(st.integers(1, 5))
    table = arrays(np.float32, (1, layers, heads), elements=st.integers(0, 6).map(float))
    drawn = hv.Scores(draw.draw(table), draw.draw(table) / 8, np.ones(1), np.arange(1), {})
    normalise = draw.draw(st.sampled_from(hies.NORMALISATIONS))
    names = [head_name(layer, head) for layer in range(layers) for head in range(heads)]
    some = st.lists(st.sampled_from(names), max_size=2, unique=True)
    always = draw.draw(some)
    rules: dict[str, Any] = {
        "always": always,
        "never": [name for name in draw.draw(some) if name not in always],
        "least_per_layer": draw.draw(st.integers(0, 3)),
    }
    prune = draw.draw(st.integers(0, layers * heads))
    try:
        expected = hv.select(drawn.hies(0, normalise=normalise), prune, **rules)
    except hv.MaskError as error:
        with pytest.raises(hv.MaskError, match=re.escape(str(error))):
            drawn.alpha_breaks(prune, normalise=normalise, **rules)
        return
    found = drawn.alpha_breaks(prune, normalise=normalise, **rules)
    assert found[0][2] == expected and (found[0][0], found[-1][1]) == (0.0, 1.0)
    assert found[-1][2] == hv.select(drawn.hies(1, normalise=normalise), prune, **rules)
    assert all(one[1] == next_one[0] and one[2] != next_one[2] for one, next_one in pairwise(found))
    middles = [(low + high) / 2 for low, high, _ in found if low < high]
    for alpha in (*middles, *np.linspace(0.01, 0.99, 50).tolist(), 0.999):
        inside = [mask for low, high, mask in found if low + 1e-9 < alpha < high - 1e-9]
        assert all(mask == hv.select(drawn.hies(alpha, normalise=normalise), prune, **rules) for mask in inside)
        assert inside or min(abs(alpha - end) for low, high, _ in found for end in (low, high)) <= 1e-9


def test_alpha_breaks_masks_record_the_rules_as_select_does() -> None:
    scores = hv.score(subject_of(), DATA)
    rules: dict[str, Any] = {"always": "L0H1", "never": ("L1H0", "L2H3"), "least_per_layer": 1}
    for low, high, mask in scores.alpha_breaks(6, **rules):
        expected = hv.select(scores.hies((low + high) / 2), 6, **rules)
        assert mask.provenance == expected.provenance
        assert "L0H1" in mask.pruned and not {"L1H0", "L2H3"} & set(mask.pruned) and mask.keep.any(axis=1).all()


def test_alpha_breaks_uneven_layers_leave_absent_heads_out_of_every_mask() -> None:
    whole = hv.score(subject_of(), DATA)
    absent = np.zeros((3, 4), dtype=bool)
    absent[1, 2:] = True
    scores = hv.Scores(
        np.where(absent, np.nan, whole.gate_gradient),
        np.where(absent, np.nan, whole.entropy),
        whole.loss,
        whole.ids,
        {},
    )
    for low, high, mask in scores.alpha_breaks(0.5):
        assert type(low) is type(high) is float
        assert mask.heads == (4, 2, 4)
        assert len(mask.pruned) == 5
        assert not {"L1H2", "L1H3"} & set(mask.pruned)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda scores: scores.sample(3, seed=-1), "seed"),
        (lambda scores: scores.sample(3, seed=0.5), "seed"),
        (lambda scores: scores.interval("his", seed=-1), "seed"),
        (lambda scores: scores.interval("his", level=95), "level"),
        (lambda scores: scores.interval("his", level=float("nan")), "level"),
        (lambda scores: scores.interval("his", draws=0), "draws"),
        (lambda scores: scores.hies("half"), "alpha"),
        (lambda scores: scores.hies(None), "alpha"),
    ],
)
def test_scores_argument_out_of_range_is_refused_with_a_sentence(wrong: Any, message: str) -> None:
    scores = hv.score(subject_of(), DATA)
    with pytest.raises(hv.ScoreError, match=message):
        wrong(scores)


def test_save_and_open_give_the_same_scores(tmp_path: Path) -> None:
    scores = hv.score(subject_of(), DATA)
    scores.save(tmp_path / "scores.parquet")
    back = hv.open_scores(tmp_path / "scores.parquet")
    for name in ("gate_gradient", "entropy", "loss", "ids"):
        np.testing.assert_array_equal(getattr(back, name), getattr(scores, name))
    assert back.provenance == scores.provenance


def test_open_scores_other_or_broken_files_are_refused_with_a_sentence(tmp_path: Path) -> None:
    scores = hv.score(subject_of(), DATA)
    path = tmp_path / "scores.parquet"
    scores.save(path)
    content = path.read_bytes()
    (tmp_path / "cut.parquet").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.parquet").write_text("hello")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "other.parquet")
    for name, message in {
        "missing.parquet": "There is no scores file",
        "cut.parquet": "not a readable Parquet file",
        "text.parquet": "not a readable Parquet file",
        "other.parquet": "not a scores file of headviz",
    }.items():
        with pytest.raises(hv.ScoreError, match=message):
            hv.open_scores(tmp_path / name)


def test_notes_saturated_model_is_called_so() -> None:
    scores = hv.score(subject_of(), DATA)
    quiet = hv.Scores(scores.gate_gradient * 1e-6, scores.entropy, scores.loss, scores.ids, scores.provenance)
    assert any("largest HIS" in note for note in quiet.notes)
    assert not any("largest HIS" in note for note in scores.notes)


def scores_with_a_heavy_few(n: int) -> hv.Scores:
    """Of a twentieth of the examples each gives twenty-five times what another does."""
    gradient = np.where(np.arange(n) % 20 == 0, 25.0, 1.0)[:, None, None] * np.ones((n, 2, 2))
    return hv.Scores(gradient.astype(np.float32), gradient * 0, np.ones(n), np.arange(n), {})


def test_notes_tell_of_a_heavy_few_only_while_they_make_the_scores_uncertain() -> None:
    few = scores_with_a_heavy_few(400)
    assert any("come from 20 of 400 examples, so HIS is known to about 23 % either way" in note for note in few.notes)
    assert not any("Score more" in note for note in few.notes)  # a page says so where there are more
    assert scores_with_a_heavy_few(40_000).notes == ()
    assert few.resting_on_few == (20, pytest.approx(1.96 * 24 * (0.05 * 0.95) ** 0.5 / 2.2 / 400**0.5, rel=0.01))


@pytest.mark.parametrize("batch_size", [1, 7, 32])
def test_score_sst5_agrees_with_eager_one_at_a_time(batch_size: int, sst5_reference: tuple[Any, ...]) -> None:
    subject, data, his, ae = sst5_reference
    scores = hv.score(subject, data, batch_size=batch_size)
    np.testing.assert_allclose(scores.his, his, rtol=1e-4)
    np.testing.assert_allclose(scores.ae, ae, atol=1e-5)


@pytest.fixture(scope="module")
def sst5_reference(shared: Path) -> tuple[Any, ...]:
    subject = hv.load(shared / "models" / "minilm-sst5")
    data = hv.load_data(shared / "data" / "sst5" / "train.tsv", limit=64)
    labels = [subject.labels.index(label) for label in data.raw_labels]
    gradient, entropy, _ = scores_one_by_one(
        subject.model, subject.processor, data.inputs, labels, max_length=subject.max_length
    )
    return subject, data, np.abs(gradient.astype(np.float64)).mean(axis=0), entropy.mean(axis=0)


@pytest.mark.parametrize(("loss", "words"), [(2.45, "not sure either (loss 2.45)"), (0.001, "is so sure of these")])
def test_scores_that_are_all_but_zero_name_the_cause_by_the_loss(loss: float, words: str) -> None:
    nothing, flat = np.zeros((4, 2, 2), np.float32), np.ones((4, 2, 2), np.float32)
    scores = hv.Scores(nothing, flat, np.full(4, loss), np.arange(4), {})
    assert any(words in note for note in scores.notes)
