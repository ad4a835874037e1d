"""The model card tells what the mask's record holds, and lets no name out of its place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import headviz as hv
from headviz.pruned_card import pruned_card
from tests.tiny import tiny_model


def card(provenance: dict[str, Any], name: str = "tiny") -> str:
    subject = hv.Subject.wrap(*tiny_model("bert"), name=name)
    keep = np.array([[1, 0, 1, 1], [0, 0, 0, 0], [1, 1, 1, 1]], dtype=bool)
    return pruned_card(hv.prune(subject, hv.Mask(keep, provenance=provenance)))


def test_card_lists_the_heads_of_every_layer() -> None:
    text = card({})
    assert "tiny-7-of-12-heads" in text and "with 7 of its 12 attention heads" in text
    assert "| 0 | 0, 2, 3 | 1 |\n| 1 | none | 0, 1, 2, 3 |\n| 2 | 0, 1, 2, 3 | none |" in text
    assert "By hand." in text and "Nothing was measured on this cut." in text


def test_card_says_how_heads_were_chosen_and_what_was_measured() -> None:
    text = card(
        {
            "criterion": {"name": "hies", "options": {"alpha": 0.97}, "by_hand": ["L0H1"]},
            "data": {"name": "sst5", "examples": 512},
            "measured": {"accuracy": {"value": 0.512, "low": 0.4911, "high": 0.5329, "examples": 2210}, "note": "no"},
        }
    )
    assert "- By hies (alpha 0.97), changed by hand: L0H1; scores from 512 examples of sst5." in text
    assert "| accuracy | 0.5120 | 0.4911 to 0.5329 | 2210 |" in text


def test_card_of_a_model_pruned_twice_has_a_line_for_each_time() -> None:
    subject = hv.Subject.wrap(*tiny_model("bert"), name="tiny")
    first = hv.Mask(np.array([[1, 0, 1, 1]] * 3, dtype=bool), provenance={"criterion": {"name": "his"}})
    once = hv.prune(subject, first)
    text = pruned_card(hv.prune(once, hv.Mask.full(once).with_toggled("L0H1")))
    assert "- By his; 9 heads were left.\n- By hand." in text
    assert "tiny (" + subject.fingerprint + ") with 8 of its 12 attention heads" in text


def test_card_of_a_recovered_model_says_so_and_not_that_logits_are_the_masked_ones() -> None:
    assert "Right after the cut the logits were those of the\nwhole model with these heads masked." in card({})
    recovery = {"method": "safe", "seed": 3, "train": {"name": "sst5", "examples": 8544}}
    for record in ({"recovery": recovery}, {"before": [{"recovery": recovery}, {"recovery": []}]}):
        text = card(record)
        assert "fine-tuned\n(method safe, seed 3, 8544 texts of sst5), so it gives logits of its own." in text
        assert "masked." not in text


def test_card_of_a_model_whose_whole_one_was_not_seen_claims_nothing_of_it() -> None:
    """A pruned model that was trained in memory and wrapped anew: its logits are its own by now."""
    subject = hv.Subject.wrap(*tiny_model("bert"), name="tiny")
    pruned = hv.prune(subject, hv.Mask.full(subject).with_toggled("L0H1"))
    with torch.no_grad():
        for weight in pruned.model.parameters():
            weight.mul_(1.1)
    trained = hv.Subject.wrap(pruned.model, pruned.processor, name="mine")
    again = hv.prune(trained, hv.Mask.full(trained).with_toggled("L2H0"))
    for text in (pruned_card(trained), pruned_card(again)):
        assert "masked" not in text and "How the logits relate to those of the\nwhole model is not known." in text
    assert "\n\n- Not recorded.\n\n" in pruned_card(trained)
    assert "\n\n- Not recorded; 11 heads were left.\n- By hand.\n\n" in pruned_card(again)


def test_card_says_when_figures_were_taken_and_which_transformers_opens_it() -> None:
    text = card({"measured": {"accuracy": {"value": 0.5}}})
    assert "Taken with these heads masked, before they were cut out.\n\n| measure |" in text
    assert "needs nothing but torch and transformers 5 or later (for images 5.9)" in text.replace("\n", " ")


@pytest.mark.parametrize(
    ("on", "said"),
    [
        ({"part": "report", "name": "sst5", "split": "test"}, "Taken on sst5, split test, with these heads masked,"),
        ({"part": "report", "name": "a|b", "split": None}, r"Taken on a\|b, with these heads masked,"),
        (
            {"part": "selection", "name": "sst5", "split": "dev"},
            "split dev, with these heads masked, before they were cut out. The heads were chosen on these examples, so "
            "the cut looks better on them than it is.",
        ),
        ({"part": 3, "name": None}, "Taken with these heads masked,"),
        ("sst5", "Taken with these heads masked,"),
    ],
)
def test_card_says_on_what_figures_were_taken(on: Any, said: str) -> None:
    assert said in card({"measured": {"accuracy": {"value": 0.5}}, "measured_on": on})


def test_card_escapes_names_and_survives_a_record_of_anything() -> None:
    text = card({"before": ["x", {"criterion": 3, "data": []}], "data": {"name": "a|b\n# c <i>"}}, name="m_1 [x](y)")
    assert r"m\_1 \[x\](y)-7-of-12-heads" in text
    assert r"examples of a\|b \# c \<i\>." in text


def test_card_names_heads_that_are_there_as_zeros() -> None:
    subject = hv.Subject.wrap(*tiny_model("llama"), name="tiny")
    mask = hv.Mask.full(subject).with_toggled("L0H1", "L2H0")
    assert "zeros where they would be read: L0H1, L2H0. Other heads" in pruned_card(hv.prune(subject, mask))
    assert "The weights of the others were cut out by" in pruned_card(hv.prune(subject, mask, gqa="exact"))
    assert "zeros" not in pruned_card(hv.prune(subject, mask, gqa="exact"))
    assert "with all shapes kept: they are zeros." in pruned_card(hv.prune(subject, mask, gqa="folded"))
    assert "zeros" not in card({})


@pytest.mark.parametrize(
    ("family", "auto", "pipeline", "processor"),
    [
        ("bert", "AutoModelForSequenceClassification", "text-classification", "AutoTokenizer"),
        ("gpt2", "AutoModelForCausalLM", "text-generation", "AutoTokenizer"),
        ("deit", "AutoModelForImageClassification", "image-classification", "AutoImageProcessor"),
    ],
)
def test_card_opens_each_task_with_its_own_classes(family: str, auto: str, pipeline: str, processor: str) -> None:
    subject = hv.Subject.wrap(*tiny_model(family, auto=auto), name="tiny")
    text = pruned_card(hv.prune(subject, hv.Mask.full(subject).with_toggled("L0H1")))
    assert f"\npipeline_tag: {pipeline}\n" in text
    assert f"from transformers import {auto}, {processor}\n" in text
    assert f"model = {auto}.from_pretrained(" in text and f"= {processor}.from_pretrained(" in text


def test_card_names_the_base_model_of_the_hub_alone() -> None:
    assert "base_model" not in card({})
    subject = hv.Subject.wrap(*tiny_model("bert"), name="owner/model")
    object.__setattr__(subject, "revision", "0123abcd")
    assert "\nbase_model: owner/model\n---\n" in pruned_card(hv.prune(subject, hv.Mask.full(subject)))


@pytest.mark.parametrize(
    ("stored", "dtype", "said"),
    [
        ((), None, "The weights are float32."),
        (("float32",), None, "The weights are float32, as in the\nfile that the model was opened from."),
        (("float16",), "float16", "The weights are float16, as in the\nfile that the model was opened from."),
        (("float16",), None, "The weights are float32;\nthe file that the model was opened from holds float16."),
        (("bfloat16", "float32"), "float16", "opened from holds bfloat16 and float32."),
    ],
)
def test_card_says_what_numbers_it_holds_beside_the_file_of_the_model(
    stored: tuple[str, ...], dtype: str | None, said: str
) -> None:
    subject = replace(hv.Subject.wrap(*tiny_model("bert"), name="tiny"), stored=stored)
    assert said in pruned_card(hv.prune(subject, hv.Mask.full(subject).with_toggled("L0H1")), dtype)
