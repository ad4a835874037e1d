"""Costs against counts worked out by hand and against the model's own parameters."""

from __future__ import annotations

import numpy as np
import pytest

import headviz as hv
from headviz.cost import cost
from tests.tiny import FAMILIES, tiny_model


def subject_of(family: str) -> hv.Subject:
    return hv.Subject.wrap(*tiny_model(family), name="tiny")


@pytest.mark.parametrize("family", FAMILIES)
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
