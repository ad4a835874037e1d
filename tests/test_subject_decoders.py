"""Classifiers made of decoders, in memory: causal attention, shared keys, the class read off the last token."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import headviz as hv
from headviz.replay import Replay
from tests.reference import gate_outputs, scores_one_by_one
from tests.test_no_trace import state
from tests.tiny import DECODERS, LABELS, tiny_labels, tiny_model, tiny_texts

TEXTS = tiny_texts(9, seed=4)
TARGETS = tiny_labels(9)
DATA = hv.load_data(pd.DataFrame({"text": TEXTS, "label": TARGETS}))


def subject_of(family: str, **config: Any) -> hv.Subject:
    return hv.Subject.wrap(*tiny_model(family, **config), name=f"tiny-{family}")


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("family", DECODERS)
def test_scores_of_a_decoder_equal_those_of_one_text_at_a_time(family: str, side: str) -> None:
    model, tokenizer = tiny_model(family, padding_side=side)
    before = state(model)
    scores = hv.score(hv.Subject.wrap(model, tokenizer, name="tiny"), DATA, batch_size=4)
    assert state(model) == before
    gradient, entropy, loss = scores_one_by_one(
        model,
        tokenizer,
        [(text,) for text in TEXTS],
        [LABELS.index(one) for one in TARGETS],
        max_length=40,
        causal=True,
    )
    np.testing.assert_allclose(scores.loss, loss, atol=1e-5)
    # float32 throughout; rotary and normalisation are reckoned in float32 anyway
    np.testing.assert_allclose(scores.gate_gradient, gradient, atol=2e-4 * np.abs(gradient).max())
    np.testing.assert_allclose(scores.entropy, entropy, atol=1e-4)


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("family", DECODERS)
def test_mask_of_a_decoder_closes_the_gates_before_the_output_projection(family: str, side: str) -> None:
    model, tokenizer = tiny_model(family, padding_side=side)
    subject = hv.Subject.wrap(model, tokenizer, name="tiny")
    mask = hv.Mask.full(subject).with_toggled("L0H1", "L2H0", "L2H3")
    masked = hv.evaluate(subject, DATA, mask)
    with torch.no_grad():
        for gates, row in zip(gate_outputs(model), mask.keep, strict=True):
            gates.copy_(torch.from_numpy(row.astype(np.float32)))
        alone = [model(**tokenizer(text, return_tensors="pt")).logits[0] for text in TEXTS]
    expected = torch.stack(alone).numpy()
    np.testing.assert_allclose(masked.logits, expected, atol=1e-5 * max(1.0, float(np.abs(expected).max())))
    assert np.abs(masked.logits - hv.evaluate(subject, DATA).logits).max() > 1e-3


@pytest.mark.parametrize("family", DECODERS)
def test_replay_of_a_decoder_equals_a_whole_pass(family: str) -> None:
    subject = subject_of(family)
    replay = Replay(subject, DATA)
    for names in ((), ("L2H1",), ("L2H1", "L1H0")):
        mask = hv.Mask.full(subject).with_toggled(*names)
        whole = hv.evaluate(subject, DATA, mask)
        np.testing.assert_allclose(replay.evaluate(mask).logits, whole.logits, rtol=0, atol=1e-5)


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("family", DECODERS)
def test_language_model_has_the_tokens_for_classes_and_answers_what_comes_next(family: str, side: str) -> None:
    model, tokenizer = tiny_model(family, auto="AutoModelForCausalLM", padding_side=side)
    subject = hv.Subject.wrap(model, tokenizer, name="mine")
    assert (subject.task, len(subject.labels)) == ("causal-lm", model.config.vocab_size)
    assert [subject.labels[number] for number in tokenizer("film")["input_ids"]] == ["[CLS]", "film", "[SEP]"]
    inputs = subject.encode([(text,) for text in TEXTS]).batch(np.arange(len(TEXTS))).inputs
    with torch.no_grad():
        alone = [model(**tokenizer(text, return_tensors="pt")).logits[0, -1] for text in TEXTS]
    torch.testing.assert_close(subject.forward(inputs), torch.stack(alone), rtol=0, atol=1e-4)


def test_language_model_is_scored_by_what_it_predicts_and_verified() -> None:
    subject = hv.Subject.wrap(*tiny_model("llama", auto="AutoModelForCausalLM"), name="mine")
    scores = hv.score(subject, DATA, targets="predicted")
    assert np.isfinite(scores.his).all() and scores.his.max() > 0
    mask = hv.select(scores.hies(0.5), 6)
    proof = hv.verify(subject, mask, hv.prune(subject, mask, gqa="exact"), DATA)
    assert proof.holds and proof.equal_predictions == len(DATA)


# Refusals


def test_decoder_whose_padding_is_not_the_tokenizers_is_refused() -> None:
    model, tokenizer = tiny_model("llama")
    for padding in (None, 7):
        model.config.pad_token_id = padding
        with pytest.raises(hv.LoadError, match=rf"padding token of mine is {padding} by its config and 0 by its tok"):
            hv.Subject.wrap(model, tokenizer, name="mine")


def test_model_given_for_another_task_is_refused() -> None:
    generator, tokenizer = tiny_model("llama", auto="AutoModelForCausalLM")
    with pytest.raises(hv.LoadError, match=r"mine \(LlamaForCausalLM\) has no classification head"):
        hv.Subject.wrap(generator, tokenizer, name="mine", task="text-classification")
    classifier, tokenizer = tiny_model("llama")
    with pytest.raises(hv.LoadError, match=r"mine \(LlamaForSequenceClassification\) is no model for causal-lm"):
        hv.Subject.wrap(classifier, tokenizer, name="mine", task="causal-lm")


def test_decoder_of_another_family_is_refused_with_those_that_work() -> None:
    model, tokenizer = tiny_model("llama")
    model.config.model_type = "gemma2"
    with pytest.raises(
        hv.LoadError, match=r"\(gemma2\) generates text with a decoder.*gpt2, llama, mistral, qwen2, qwen3\.$"
    ):
        hv.Subject.wrap(model, tokenizer, name="mine")
