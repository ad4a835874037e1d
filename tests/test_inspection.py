"""One example under the magnifier: maps against eager attention, tokens as a person reads them, shares that add up."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

import headviz as hv
from headviz.inspection import attention_of, probabilities, token_attribution
from tests.tiny import FAMILIES, tiny_model

TEXT = "the film was not very good ."


@pytest.mark.parametrize("family", FAMILIES)
def test_attention_of_equals_eager_maps(family: str) -> None:
    model, tokenizer = tiny_model(family)
    subject = hv.Subject.wrap(model, tokenizer, name="tiny")
    found = attention_of(subject, TEXT, ["L0H0", (2, 3)])
    twin = tiny_model(family)[0]
    twin.set_attn_implementation("eager")
    with torch.no_grad():
        output = twin(**tokenizer(TEXT, return_tensors="pt"), output_attentions=True)
    for layer, head in [(0, 0), (2, 3)]:
        np.testing.assert_allclose(found.maps[layer, head], output.attentions[layer][0, head].numpy(), atol=1e-5)
    np.testing.assert_allclose(found.probabilities, output.logits[0].double().softmax(-1).numpy(), atol=1e-5)
    assert found.predicted == subject.labels[int(output.logits.argmax())]
    assert len(found.tokens) == found.maps[0, 0].shape[0]


@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_are_legible_in_every_vocabulary(family: str) -> None:
    subject = hv.Subject.wrap(*tiny_model(family), name="tiny")
    assert list(attention_of(subject, TEXT, []).tokens[1:-1]) == TEXT.split()


def test_attention_of_pair_says_which_text_a_token_is_of() -> None:
    subject = hv.Subject.wrap(*tiny_model("bert"), name="tiny")
    found = attention_of(subject, ("good film", "bad plot"), ["L1H1"])
    assert found.segments == (None, 0, 0, None, 1, 1, None)


def test_attention_of_mask_gives_the_prediction_of_the_cut_model() -> None:
    subject = hv.Subject.wrap(*tiny_model("bert"), name="tiny")
    shut = hv.Mask(np.zeros((3, 4), dtype=bool), subject=subject)
    whole, cut = attention_of(subject, TEXT, []), attention_of(subject, TEXT, [], mask=shut)
    assert np.abs(whole.probabilities - cut.probabilities).max() > 1e-3


def test_attention_of_long_text_counts_what_was_cut() -> None:
    subject = hv.Subject.wrap(*tiny_model("bert"), name="tiny")
    assert attention_of(subject, "good " * 50, ["L0H0"]).truncated == 12
    assert attention_of(subject, TEXT, ["L0H0"]).truncated == 0


def test_attention_of_unknown_head_or_empty_text_is_refused() -> None:
    subject = hv.Subject.wrap(*tiny_model("bert"), name="tiny")
    with pytest.raises(hv.MaskError, match="no head L3H0"):
        attention_of(subject, TEXT, [(3, 0)])
    with pytest.raises(hv.DataError, match="empty"):
        attention_of(subject, "   ", [])


@pytest.mark.parametrize("text", [TEXT, ("good film", "bad plot")])
def test_probabilities_of_one_text_equal_an_evaluation_s_under_the_same_mask(
    text: str | tuple[str, ...],
) -> None:
    subject = hv.Subject.wrap(*tiny_model("bert"), name="tiny")
    mask = hv.Mask.full(subject).with_toggled("L0H1", "L2H3")
    columns = {"text": [text]} if isinstance(text, str) else {"sentence1": [text[0]], "sentence2": [text[1]]}
    data = hv.load_data(pd.DataFrame({**columns, "label": ["good"]}))
    for cut in (None, mask):
        logits = torch.tensor(hv.evaluate(subject, data, cut).logits[0], dtype=torch.float64)
        found = probabilities(subject, text, cut)
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, logits.softmax(-1), atol=1e-5)


def test_probabilities_of_an_empty_text_or_a_mask_of_another_model_are_refused() -> None:
    subject = hv.Subject.wrap(*tiny_model("bert"), name="tiny")
    with pytest.raises(hv.DataError, match="empty"):
        probabilities(subject, "  ")
    with pytest.raises(hv.MaskError, match="made for this model"):
        probabilities(subject, TEXT, hv.Mask(np.ones((2, 4), dtype=bool)))


@pytest.mark.parametrize("family", FAMILIES)
def test_token_attribution_adds_up_to_the_change_of_the_logit(family: str) -> None:
    subject = hv.Subject.wrap(*tiny_model(family), name="tiny")
    found = token_attribution(subject, TEXT, steps=64)
    assert found.target in subject.labels
    assert 1 / 3 <= found.probability <= 1
    assert len(found.values) == len(found.tokens)
    # special tokens stand still on the path, so they have no share
    assert found.values[0] == found.values[-1] == 0
    assert abs(found.gap) < 0.05 * np.abs(found.values).sum() + 1e-3


def test_token_attribution_of_another_label_is_of_that_label() -> None:
    subject = hv.Subject.wrap(*tiny_model("bert"), name="tiny")
    shares = {label: token_attribution(subject, TEXT, target=label, steps=8).probability for label in subject.labels}
    assert sum(shares.values()) == pytest.approx(1.0)
    with pytest.raises(hv.ScoreError, match="no label 'meh'"):
        token_attribution(subject, TEXT, target="meh")
