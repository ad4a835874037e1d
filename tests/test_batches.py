"""Batches: every example once, padded on the right, in an order of the data alone; segments where the model reads
them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import headviz as hv
from headviz.batches import Encoded
from tests.tiny import FAMILIES, tiny_model, tiny_pairs, tiny_texts


def encoded(lengths: list[int]) -> Encoded:
    return Encoded([{"input_ids": [1] * length, "attention_mask": [1] * length} for length in lengths], 0, None, "cpu")


@given(st.lists(st.integers(1, 60), min_size=1, max_size=80), st.integers(1, 300))
def test_plan_every_example_once_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = encoded(lengths).plan(batch_tokens=budget)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    for indices in batches:
        longest = max(lengths[i] for i in indices)
        assert len(indices) == 1 or longest * len(indices) <= budget


@settings(max_examples=20)
@given(st.integers(1, 9))
def test_plan_fixed_size_fills_every_batch_but_the_last(size: int) -> None:
    sizes = [len(indices) for indices in encoded([3, 9, 1, 4, 4, 2, 8]).plan(batch_size=size)]
    assert all(found == min(size, 7) for found in sizes[:-1])
    assert sum(sizes) == 7


@pytest.mark.parametrize("options", [{"batch_size": 0}, {"batch_tokens": 0}])
def test_plan_size_below_one_is_refused(options: dict[str, int]) -> None:
    with pytest.raises(hv.DataError, match="at least 1"):
        encoded([1]).plan(**options)


@pytest.mark.parametrize("side", ["left", "right"])
def test_batch_pads_on_the_right_whatever_the_tokenizer_says(side: str) -> None:
    subject = hv.Subject.wrap(*tiny_model("bert", padding_side=side), name="tiny")
    batch = subject.encode([("good",), ("a very good film indeed",)]).batch(np.array([0, 1]))
    assert batch.real[0].tolist() == sorted(batch.real[0].tolist(), reverse=True)
    assert batch.real[:, 0].all()


@pytest.mark.parametrize("family", FAMILIES)
def test_encode_pairs_carry_segments_exactly_where_the_model_reads_them(family: str) -> None:
    subject = hv.Subject.wrap(*tiny_model(family), name="tiny")
    batch = subject.encode(tiny_pairs(3)).batch(np.arange(3))
    reads = getattr(subject.model.config, "type_vocab_size", 0) > 1
    assert ("token_type_ids" in batch.inputs) == reads
    if reads:
        assert set(batch.inputs["token_type_ids"][0].tolist()) == {0, 1}


def test_encode_long_text_is_cut_to_the_limit_and_counted() -> None:
    subject = hv.Subject.wrap(*tiny_model("roberta"), name="tiny")
    whole = subject.encode([(text,) for text in [*tiny_texts(3, longest=5), "good " * 90]])
    assert whole.truncated == 1
    assert len(whole.features[3]["input_ids"]) == subject.max_length


@pytest.mark.parametrize("size", [0, -1, 2.5, "many", True])
@pytest.mark.parametrize("name", ["batch_size", "batch_tokens"])
def test_plan_size_that_is_no_whole_number_is_refused(name: str, size: object) -> None:
    encoded = hv.Subject.wrap(*tiny_model("bert"), name="tiny").encode([("good",)])
    with pytest.raises(hv.DataError, match=f"{name} must be a whole number"):
        encoded.plan(**{name: size})
