"""Single criteria against what their definitions give by other means."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

import headviz as hv
from tests.tiny import tiny_labels, tiny_model, tiny_texts

DATA = hv.load_data(pd.DataFrame({"text": tiny_texts(6, seed=1), "label": tiny_labels(6)}))


@pytest.fixture(scope="module")
def subject() -> hv.Subject:
    model, tokenizer = tiny_model("bert")
    return hv.Subject.wrap(model.double(), tokenizer, name="tiny")


def loss_of(subject: hv.Subject, keep: np.ndarray) -> float:
    return float(hv.evaluate(subject, DATA, hv.Mask(keep, subject=subject)).loss.mean())


def test_ablation_is_the_loss_without_the_head_less_the_loss(subject: hv.Subject) -> None:
    found = hv.criteria["ablation"](subject, DATA).values
    everything = np.ones((3, 4), dtype=bool)
    base = loss_of(subject, everything)
    for layer, head in [(0, 0), (1, 2), (2, 3)]:
        keep = everything.copy()
        keep[layer, head] = False
        # logits of an evaluation are float32
        assert found[layer, head] == pytest.approx(loss_of(subject, keep) - base, abs=1e-5)


@pytest.mark.parametrize("options", [{"name": "shapley", "samples": 2}, {"name": "integrated_gradients", "steps": 200}])
def test_shares_add_up_to_the_loss_that_all_heads_save(subject: hv.Subject, options: dict[str, object]) -> None:
    name = str(options.pop("name"))
    found = hv.criteria[name](subject, DATA, **options).values
    everything = np.ones((3, 4), dtype=bool)
    saved = loss_of(subject, ~everything) - loss_of(subject, everything)
    # Shapley is exact for any sample; integration has an error of its steps
    assert found.sum() == pytest.approx(saved, abs=1e-4 if name == "shapley" else 0.02 * abs(saved) + 1e-3)


def test_shapley_many_orders_agree_with_all_orders_of_a_two_head_game() -> None:
    model, tokenizer = tiny_model("bert", layers=1, heads=2)
    subject = hv.Subject.wrap(model.double(), tokenizer, name="tiny")
    loss = {
        keep: loss_of(subject, np.array([keep]))
        for keep in [(True, True), (True, False), (False, True), (False, False)]
    }
    first = ((loss[False, False] - loss[True, False]) + (loss[False, True] - loss[True, True])) / 2
    found = hv.criteria["shapley"](subject, DATA, samples=400).values
    spread = abs((loss[False, False] - loss[True, False]) - (loss[False, True] - loss[True, True])) / 2
    assert found[0, 0] == pytest.approx(first, abs=4 * spread / 400**0.5 + 1e-6)


def test_weight_l2_is_the_norm_of_the_head_s_own_weights(subject: hv.Subject) -> None:
    found = hv.criteria["weight_l2"](subject, None).values
    layer = subject.model.bert.encoder.layer[1].attention
    own = slice(16, 24)
    parts = [getattr(layer.self, name).weight[own].flatten() for name in ("query", "key", "value")]
    parts.append(layer.output.dense.weight[:, own].flatten())
    assert found[1, 2] == pytest.approx(float(torch.cat(parts).detach().norm()), rel=1e-12)


def test_weight_l2_counts_shared_keys_and_values_at_their_share() -> None:
    """Llama: two heads to each key and value; GPT-2: one transposed projection, query, key and value side by side."""

    def square(parts: list[torch.Tensor]) -> float:
        return sum(float(one.detach().square().sum()) for one in parts)

    llama = hv.Subject.wrap(*tiny_model("llama"), name="llama")
    attention = llama.model.model.layers[1].self_attn  # type: ignore[union-attr,index]
    parts = [attention.q_proj.weight[24:], attention.o_proj.weight[:, 24:]]
    shared = [attention.k_proj.weight[8:], attention.v_proj.weight[8:]]
    expected = (square(parts) + square(shared) / 2) ** 0.5
    assert hv.criteria["weight_l2"](llama, None).values[1, 3] == pytest.approx(expected, rel=1e-6)
    gpt2 = hv.Subject.wrap(*tiny_model("gpt2"), name="gpt2")
    attention = gpt2.model.transformer.h[1].attn  # type: ignore[union-attr,index]
    parts = [attention.c_attn.weight[:, start + 8 : start + 16] for start in (0, 32, 64)]
    expected = square([*parts, attention.c_proj.weight[8:16]]) ** 0.5
    assert hv.criteria["weight_l2"](gpt2, None).values[1, 1] == pytest.approx(expected, rel=1e-6)


def test_random_is_a_permutation_that_the_seed_decides(subject: hv.Subject) -> None:
    one, two = (hv.criteria["random"](subject, None, seed=seed).values for seed in (0, 1))
    assert sorted(one.ravel()) == list(range(12))
    assert not np.array_equal(one, two)


def test_his_kinds_follow_from_the_gate_gradients(subject: hv.Subject) -> None:
    scores = hv.score(subject, DATA)
    gradient = scores.gate_gradient.astype(np.float64)
    expected = {
        "abs": np.abs(gradient).mean(0),
        "signed": -gradient.mean(0),
        "fisher": (gradient**2).mean(0),
        "taylor2": (-gradient + gradient**2 / 2).mean(0),
    }
    for kind, values in expected.items():
        np.testing.assert_allclose(hv.criteria["his"](None, None, scores=scores, kind=kind).values, values, rtol=1e-9)
    scaled = hv.criteria["his"](None, None, scores=scores, scale="layer_l2").values
    np.testing.assert_allclose(np.square(scaled).sum(axis=1), 1.0)


def test_entropy_directions_are_opposite_and_focused_is_hies_at_zero(subject: hv.Subject) -> None:
    scores = hv.score(subject, DATA)
    focused = hv.criteria["entropy"](None, None, scores=scores).values
    diffuse = hv.criteria["entropy"](None, None, scores=scores, keep="diffuse").values
    np.testing.assert_allclose(focused + diffuse, 1.0)
    np.testing.assert_allclose(focused, scores.hies(0.0).values)
