"""Costs against counts worked out by hand and against the model's own parameters."""

from __future__ import annotations

import numpy as np
import pytest

import headviz as hv
from headviz.cost import cost, flops, pruned_bytes
from headviz.families.layout import GQA
from tests.tiny import CUTTABLE, tiny_model


def subject_of(family: str) -> hv.Subject:
    return hv.Subject.wrap(*tiny_model(family), name="tiny")


@pytest.mark.parametrize("family", CUTTABLE)
def test_parameters_of_all_layers_are_those_of_the_attention(family: str) -> None:
    subject = subject_of(family)
    table = cost(subject, hv.Mask.full(subject))
    assert table["parameters"].sum() == subject.attention_parameters
    assert (table[["parameters_saved", "flops_saved", "bytes_saved"]].to_numpy() == 0).all()
    assert table["kept"].tolist() == table["heads"].tolist() == [4, 4, 4]


def test_savings_of_one_head_are_worked_out_by_hand() -> None:
    subject = subject_of("bert")  # 4 heads of size 8 in a width of 32, float32
    row = cost(subject, hv.Mask.full(subject).with_toggled("L1H2"), tokens=10).iloc[1]
    assert row["parameters_saved"] == 4 * 32 * 8 + 3 * 8
    assert row["bytes_saved"] == 4 * row["parameters_saved"]
    assert row["flops_saved"] == 8 * 32 * 8 + 4 * 10 * 8 and row["flops"] == 4 * row["flops_saved"]


def test_shared_layers_save_parameters_only_for_heads_cut_in_every_use() -> None:
    subject = subject_of("albert")
    full = hv.Mask.full(subject)
    once, always = full.with_toggled("L1H2"), full.with_toggled("L0H2", "L1H2", "L2H2")
    assert cost(subject, once)["parameters_saved"].sum() == 0 < cost(subject, once)["flops_saved"].sum()
    assert cost(subject, always)["parameters_saved"].tolist()[1:] == [0, 0]
    assert cost(subject, always)["parameters_saved"].sum() == 4 * 32 * 8 + 3 * 8


def test_mask_of_another_model_is_refused() -> None:
    with pytest.raises(hv.MaskError, match="per layer"):
        cost(subject_of("bert"), hv.Mask(np.ones((2, 2))))


def flops_by_hand(tokens: int, heads: list[int]) -> int:
    """Of the tiny BERT, heads of size 8, width 32, feed-forward 64: its layers, then pooler and classifier once."""
    width, inner, classes = 32, 64, 3
    layer = [2 * tokens * (4 * width * 8 * count + 2 * width * inner) + 4 * tokens**2 * 8 * count for count in heads]
    return sum(layer) + 2 * (width * width + classes * width)


@pytest.mark.parametrize("tokens", [1, 7, 30])
def test_flops_of_a_whole_model_are_worked_out_by_hand(tokens: int) -> None:
    assert flops(subject_of("bert"), tokens=tokens) == flops_by_hand(tokens, [4, 4, 4])


def test_flops_of_a_pruned_model_are_worked_out_by_hand() -> None:
    subject = subject_of("bert")
    mask = hv.Mask.full(subject).with_toggled("L0H1", "L1H0", "L1H1", "L1H2", "L1H3")
    assert flops(hv.prune(subject, mask), tokens=7) == flops_by_hand(7, [3, 0, 4])


@pytest.mark.parametrize("family", CUTTABLE)
def test_flops_that_pruning_saves_are_those_of_the_heads(family: str) -> None:
    subject = subject_of(family)
    mask = hv.Mask.full(subject).with_toggled(*(f"L{layer}H{head}" for layer in range(3) for head in (0, 2, 3)))
    tokens = {"vit": 17, "deit": 18}.get(family, 10)  # 16 patches, and one or two tokens of the model's own
    saved = cost(subject, mask, tokens=tokens)["flops_saved"].sum() * tokens
    assert flops(subject, tokens=tokens) - flops(hv.prune(subject, mask), tokens=tokens) == saved > 0


def test_savings_of_grouped_heads_are_worked_out_by_hand() -> None:
    """Llama: 4 heads of size 8 in a width of 32, two of them to a key and value, no biases."""
    subject = hv.Subject.wrap(*tiny_model("llama"), name="tiny")
    whole, head, key = 4 * subject.parameters, 4 * 2 * 32 * 8, 4 * 2 * 32 * 8  # bytes
    one, group = hv.Mask.full(subject).with_toggled("L1H0"), hv.Mask.full(subject).with_toggled("L1H0", "L1H1")
    assert [whole - pruned_bytes(subject, one, gqa) for gqa in GQA] == [0, head - key, 0]  # exact: one key comes twice
    assert [whole - pruned_bytes(subject, group, gqa) for gqa in GQA] == [2 * head + key, 2 * head + key, 0]
    even = hv.Mask.full(subject).with_toggled("L1H0", "L1H3")
    assert [whole - pruned_bytes(subject, even, gqa) for gqa in GQA] == [0, 2 * head, 0]


def test_bytes_of_a_way_that_is_not_known_are_refused() -> None:
    subject = subject_of("llama")
    with pytest.raises(hv.MaskError, match="'whole' is not one of groups, exact, folded"):
        pruned_bytes(subject, hv.Mask.full(subject), "whole")
