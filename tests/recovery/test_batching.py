"""Batches: an order that the seed and the epoch decide, with texts of like length together."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import headviz as hv
from headviz.recovery.batching import Collate, LikeLengths, Texts
from tests.tiny import tiny_model

LENGTHS = np.random.default_rng(0).integers(3, 60, 203)


@pytest.mark.parametrize("count", [1, 7, 8, 203])
def test_every_text_is_read_once_in_an_epoch(count: int) -> None:
    order = list(LikeLengths(LENGTHS[:count], 8, seed=0))
    assert sorted(order) == list(range(count)) and len(LikeLengths(LENGTHS[:count], 8, seed=0)) == count


def test_order_depends_on_seed_and_epoch_alone() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        sampler = LikeLengths(LENGTHS, 8, seed)
        list(sampler)  # what was read before does not matter
        sampler.set_epoch(epoch)
        return list(sampler)

    assert order(3, 1) == order(3, 1)
    assert len({tuple(order(seed, epoch)) for seed in (3, 4) for epoch in (0, 1)}) == 4


def test_texts_of_a_batch_are_of_like_length_and_batches_in_no_order() -> None:
    order = list(LikeLengths(LENGTHS, 8, seed=0))
    batches = [LENGTHS[order[at : at + 8]] for at in range(0, 200, 8)]
    spread = np.mean([batch.max() - batch.min() for batch in batches])
    assert spread < 6  # of 57, where 8 random texts spread by 44
    longest = [batch.max() for batch in batches]
    assert abs(np.corrcoef(longest, np.arange(len(longest)))[0, 1]) < 0.5


def test_short_batch_comes_last() -> None:
    order = list(LikeLengths(LENGTHS, 8, seed=0))
    assert len(order[200:]) == 3 and np.ptp(LENGTHS[order[200:]]) <= np.ptp(LENGTHS)


def test_batch_is_padded_on_the_right_whatever_the_tokenizer_says() -> None:
    model, tokenizer = tiny_model("bert", padding_side="left")
    subject = hv.Subject.wrap(model, tokenizer, name="tiny")
    texts = Texts(subject.encode([("good",), ("a very good film",)]), np.array([2, 0]))
    assert len(texts) == 2 and texts.lengths == [3, 6] and texts[1]["labels"] == 0
    batch = Collate(tokenizer)([texts[0], texts[1]])
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 0, 0, 0], [1] * 6]
    assert batch["input_ids"][0, 3:].tolist() == [tokenizer.pad_token_id] * 3
    assert batch["labels"].tolist() == [2, 0] and batch["labels"].dtype == torch.int64
    assert tokenizer.padding_side == "left"
